import { NetdevError } from "../../netdev/netdev_error.ts";
import { controlQueueIndex } from "./control_queue.ts";
import { featureNames, type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import {
  readMac,
  readMaxPairs,
  readMtu,
  readRssLimits,
  type RssLimits,
} from "./virtio_net_config.ts";
import { hasPairs, MOST_PAIRS } from "./virtio_net_pairs.ts";

/** What was made use of in setting up a card, and has to be the same after a reset. */
export interface VirtioNetIdentity {
  /** The features that were accepted. */
  readonly features: FeatureSet;
  /** Null where it has none. */
  readonly mac: Uint8Array | null;
  /** As the device tells it; null where it tells none. */
  readonly mtu: number | null;
  /** Pairs of queues that the device has; those beyond {@link MOST_PAIRS} aren't used. */
  readonly maxPairs: number;
  /** Largest size of each queue of the pairs that may be used, in order. */
  readonly queueSizes: readonly number[];
  /** Largest size of the control queue; 0 without one. */
  readonly controlQueueSize: number;
  /** What it takes for its hash; null where it makes none. */
  readonly rss: RssLimits | null;
}

/** Looks at a card whose features are accepted. */
export function readIdentity(
  device: VirtioDevice,
  features: FeatureSet,
  mtu: number | null,
): VirtioNetIdentity {
  const { transport } = device;
  const maxPairs = transport.queuePairs ?? (hasPairs(features) ? readMaxPairs(device) : 1);
  const hasControl = hasFeature(features, "VIRTIO_NET_F_CTRL_VQ");
  const hasHash = hasFeature(features, "VIRTIO_NET_F_RSS") ||
    hasFeature(features, "VIRTIO_NET_F_HASH_REPORT");
  return {
    features,
    mac: hasFeature(features, "VIRTIO_NET_F_MAC") ? readMac(device) : null,
    mtu,
    maxPairs,
    queueSizes: Array.from(
      { length: 2 * Math.min(maxPairs, MOST_PAIRS) },
      (_, index) => transport.queueSizeMax(index),
    ),
    controlQueueSize: hasControl ? transport.queueSizeMax(controlQueueIndex(maxPairs)) : 0,
    rss: hasHash ? readRssLimits(device) : null,
  };
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
  const now = readIdentity(device, before.features, mtu);
  for (const field of ["mac", "mtu", "maxPairs", "queueSizes", "controlQueueSize"] as const) {
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
