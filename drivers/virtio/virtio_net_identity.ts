import { NetdevError } from "../../netdev/netdev_error.ts";
import { featureNames, type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { readMac, readMtu } from "./virtio_net_config.ts";

/** What was made use of in setting up a card, and has to be the same after a reset. */
export interface VirtioNetIdentity {
  /** The features that were accepted. */
  readonly features: FeatureSet;
  /** Null where it has none. */
  readonly mac: Uint8Array | null;
  /** As the device tells it; null where it tells none. */
  readonly mtu: number | null;
  /** Largest size of each queue, in order. */
  readonly queueSizes: readonly number[];
}

/** Looks at a card whose features are accepted. */
export function readIdentity(
  device: VirtioDevice,
  features: FeatureSet,
  mtu: number | null,
  queues: number,
): VirtioNetIdentity {
  const { transport } = device;
  const queueSizes = Array.from({ length: queues }, (_, index) => transport.queueSizeMax(index));
  const mac = hasFeature(features, "VIRTIO_NET_F_MAC") ? readMac(device) : null;
  return { features, mac, mtu, queueSizes };
}

/**
 * Resets a card and takes it through its initialisation again, up to accepted features (virtio 1.2
 * §3.1.1). `NetdevError("EIO")` when it isn't the card any more that queues, pool and stack were
 * made for.
 */
export function renegotiate(device: VirtioDevice, before: VirtioNetIdentity): void {
  device.reset();
  device.acknowledge();
  const missing = before.features & ~device.offeredFeatures();
  if (missing !== 0n) throw changed(device, `it lacks ${featureNames(missing).join(", ")}`);
  device.negotiate(before.features);
  const mtu = before.mtu === null ? null : readMtu(device, before.features);
  const now = readIdentity(device, before.features, mtu, before.queueSizes.length);
  for (const field of ["mac", "mtu", "queueSizes"] as const) {
    if (`${now[field]}` === `${before[field]}`) continue;
    throw changed(device, `its ${field} was ${before[field]} and is ${now[field]}`);
  }
}

function changed(device: VirtioDevice, what: string): NetdevError {
  return new NetdevError(
    "EIO",
    `${device.transport.name} came back another after a reset: ${what}`,
  );
}
