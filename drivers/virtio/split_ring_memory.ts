import type { DmaArena } from "../../netdev/dma_arena.ts";
import { type AreaLengths, RingMemory } from "./ring_memory.ts";
import type { VirtqueueOptions } from "./virtqueue.ts";

const DESCRIPTOR_BYTES = 16;
const USED_ELEMENT_BYTES = 8;

/**
 * The memory of a split virtqueue (virtio 1.2 §2.7.5, §2.7.6, §2.7.8):
 *
 * ```text
 * descriptors   size × { address, length, flags, next }      written by the driver
 * driver area   flags, index, size × head, used_event        written by the driver
 * device area   flags, index, size × { head, length }, avail_event    by the device
 * ```
 *
 * Where its fields are is told as element numbers in the views of the region, which shared memory is
 * read and written by: 16-bit ones, or 32-bit ones.
 */
export class SplitRingMemory extends RingMemory {
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly descriptors32: number;
  readonly availFlags16: number;
  readonly availIndex16: number;
  readonly availRing16: number;
  readonly usedEvent16: number;
  readonly usedFlags16: number;
  readonly usedIndex16: number;
  readonly usedRing32: number;
  readonly availEvent16: number;

  /** Takes it for `size` entries, a power of two; `NetdevError("ENOSPC")` when it isn't there. */
  constructor(arena: DmaArena, size: number, options: VirtqueueOptions) {
    const lengths: AreaLengths = {
      descriptors: size * DESCRIPTOR_BYTES,
      driverArea: 6 + 2 * size,
      deviceArea: 6 + USED_ELEMENT_BYTES * size,
      // Its elements are at multiples of 8 then, and none is on two pages. QEMU before 9.0 writes the
      // second half of one that is to another place, when there's an IOMMU (its commit 47293c922cb4).
      deviceLead: 4,
    };
    super(arena, size, lengths, true, options);
    this.u16 = arena.region.u16;
    this.u32 = arena.region.u32;
    this.descriptors32 = this.descriptors >>> 2;
    this.availFlags16 = this.driverArea >>> 1;
    this.availIndex16 = this.availFlags16 + 1;
    this.availRing16 = this.availFlags16 + 2;
    this.usedEvent16 = this.availRing16 + size;
    this.usedFlags16 = this.deviceArea >>> 1;
    this.usedIndex16 = this.usedFlags16 + 1;
    this.usedRing32 = (this.deviceArea + 4) >>> 2;
    this.availEvent16 = (this.deviceArea + 4 + USED_ELEMENT_BYTES * size) >>> 1;
  }
}
