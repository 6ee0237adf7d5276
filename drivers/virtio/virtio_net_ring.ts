import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevQueueInfo } from "../../netdev/netdev_types.ts";
import { type FeatureSet, featureSet, hasFeature } from "./features.ts";
import type { RingFormat } from "./virtqueue.ts";

/** Mechanisms of rings that are made use of in either format, where they're offered. */
const MECHANISMS = featureSet(
  "VIRTIO_F_INDIRECT_DESC",
  "VIRTIO_F_EVENT_IDX",
  "VIRTIO_F_IN_ORDER",
);

/** Largest ring (virtio 1.2 §2.7, §2.8). */
const MOST_ENTRIES = 32768;

/**
 * What to accept of a card for rings of this format, where it's offered. `NetdevError("ENOTSUP")`
 * when it doesn't have that format.
 */
export function ringFeatures(name: string, offered: FeatureSet, format: RingFormat): FeatureSet {
  if (format === "split") return MECHANISMS;
  if (hasFeature(offered, "VIRTIO_F_RING_PACKED")) {
    return MECHANISMS | featureSet("VIRTIO_F_RING_PACKED");
  }
  throw new NetdevError(
    "ENOTSUP",
    `${name} offers no packed rings (VIRTIO_F_RING_PACKED): use split ones`,
  );
}

/**
 * What a ring may be in a queue of at most `max` entries. `NetdevError("EIO")` when the device offers
 * it with a size that no ring of its format has.
 */
export function ringInfo(
  name: string,
  index: number,
  max: number,
  negotiated: FeatureSet,
): NetdevQueueInfo {
  const powerOfTwo = !hasFeature(negotiated, "VIRTIO_F_RING_PACKED");
  const shaped = !powerOfTwo || (max & (max - 1)) === 0;
  if (max < 2 || max > MOST_ENTRIES || !shaped) {
    throw new NetdevError("EIO", `${name} offers queue ${index} with size ${max}`);
  }
  return { minDescriptors: 2, maxDescriptors: max, powerOfTwo };
}
