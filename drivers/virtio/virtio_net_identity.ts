import { NetdevError } from "../../netdev/netdev_error.ts";
import { controlQueueIndex } from "./control_queue.ts";
import {
  type FeatureName,
  featureNames,
  type FeatureSet,
  featureSet,
  hasFeature,
} from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import {
  readMac,
  readMaxPairs,
  readMtu,
  readRssLimits,
  type RssLimits,
} from "./virtio_net_config.ts";
import { hasPairs, MOST_PAIRS } from "./virtio_net_pairs.ts";
import { ringFeatures } from "./virtio_net_ring.ts";
import { acceptable, validateOffer } from "./virtio_net_validate.ts";
import type { RingFormat } from "./virtqueue.ts";
import { wantedFeatures } from "./wanted_features.ts";

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

/**
 * Agrees with a card on features out of those that it offers, and looks at what it is then (virtio 1.2
 * §3.1.1). `NetdevError("ENOTSUP")` when it lacks one that the driver needs, `NetdevError("EIO")` when
 * its offer can't be. Nothing is read twice that is acted upon: the device could answer otherwise.
 */
export function negotiate(
  device: VirtioDevice,
  offered: FeatureSet,
  format: RingFormat,
): VirtioNetIdentity {
  const { transport } = device;
  const { name, legacy } = transport;
  if (legacy) demand(name, offered, "VIRTIO_F_ANY_LAYOUT", "no layout of buffers but its own");
  else demand(name, offered, "VIRTIO_F_VERSION_1", "only the legacy interface");
  validateOffer(name, offered);
  const mtu = readMtu(device, offered);
  const ring = ringFeatures(name, offered, format);
  const all = wantedFeatures(transport, ring) & acceptable(offered);
  const features = device.negotiate(mtu === null ? all & ~featureSet("VIRTIO_NET_F_MTU") : all);
  return readIdentity(device, features, mtu);
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

/** Looks at a card whose features are accepted. */
function readIdentity(
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

/** Throws unless a feature that the driver can't do without is on offer. */
function demand(card: string, offered: FeatureSet, name: FeatureName, instead: string): void {
  if (hasFeature(offered, name)) return;
  throw new NetdevError("ENOTSUP", `${card} offers ${instead}: ${name} is needed`);
}

function changed(device: VirtioDevice, what: string): NetdevError {
  return new NetdevError(
    "EIO",
    `${device.transport.name} came back another after a reset: ${what}`,
  );
}
