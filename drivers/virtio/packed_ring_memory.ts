import type { DmaArena } from "../../netdev/dma_arena.ts";
import { type AreaLengths, RingMemory } from "./ring_memory.ts";
import type { VirtqueueOptions } from "./virtqueue.ts";

const DESCRIPTOR_BYTES = 16;
const EVENT_BYTES = 4;

/**
 * The memory of a packed virtqueue (virtio 1.2 §2.8.1, §2.8.10):
 *
 * ```text
 * descriptors   size × { address, length, id, flags }     written by both
 * driver area   where to interrupt, and whether           written by the driver
 * device area   where to notify, and whether              written by the device
 * ```
 *
 * Where these are is told as element numbers in the 32-bit views of the region.
 */
export class PackedRingMemory extends RingMemory {
  readonly u32: Uint32Array;
  /** The same, signed: a flag is bit 31, and Atomics.load allocates a number at or above 2^31. */
  readonly i32: Int32Array;
  readonly descriptors32: number;
  readonly driverEvent32: number;
  readonly deviceEvent32: number;

  /** Takes it for `size` entries; `NetdevError("ENOSPC")` when it isn't there. */
  constructor(arena: DmaArena, size: number, options: VirtqueueOptions) {
    const lengths: AreaLengths = {
      descriptors: size * DESCRIPTOR_BYTES,
      driverArea: EVENT_BYTES,
      deviceArea: EVENT_BYTES,
      deviceLead: 0,
    };
    super(arena, size, lengths, false, { ...options, ringAlign: null });
    const { u32 } = arena.region;
    this.u32 = u32;
    this.i32 = new Int32Array(u32.buffer, u32.byteOffset, u32.length);
    this.descriptors32 = this.descriptors >>> 2;
    this.driverEvent32 = this.driverArea >>> 2;
    this.deviceEvent32 = this.deviceArea >>> 2;
  }
}
