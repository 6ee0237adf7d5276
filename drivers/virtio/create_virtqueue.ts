import type { DmaArena } from "../../netdev/dma_arena.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import { PackedVirtqueue } from "./packed_virtqueue.ts";
import { SplitVirtqueue } from "./split_virtqueue.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Bounds the memory of tables: a frame of the largest MTU is in fewer netbufs than that. */
const INDIRECT_ENTRIES = 8;

/**
 * Makes an empty virtqueue of `size` entries in memory from `arena`, of the format and with the
 * mechanisms that were negotiated. `chains`: whether its buffers may have several pieces, which then
 * go into tables of indirect descriptors. `ringAlign`: that of a legacy transport.
 * `NetdevError("ENOSPC")` when the memory isn't there.
 */
export function createVirtqueue<T>(
  arena: DmaArena,
  size: number,
  negotiated: FeatureSet,
  chains: boolean,
  ringAlign: number | null = null,
): Virtqueue<T> {
  const indirect = chains && hasFeature(negotiated, "VIRTIO_F_INDIRECT_DESC");
  const eventIndex = hasFeature(negotiated, "VIRTIO_F_EVENT_IDX");
  const options = {
    inOrder: hasFeature(negotiated, "VIRTIO_F_IN_ORDER"),
    ringAlign,
    indirectEntries: indirect ? Math.min(INDIRECT_ENTRIES, size) : 0,
  };
  return hasFeature(negotiated, "VIRTIO_F_RING_PACKED")
    ? new PackedVirtqueue<T>(arena, size, eventIndex, options)
    : new SplitVirtqueue<T>(arena, size, eventIndex, options);
}
