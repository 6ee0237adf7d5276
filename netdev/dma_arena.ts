import type { DmaRegion } from "./dma_region.ts";
import { NetdevError } from "./netdev_error.ts";
import { RangeAllocator } from "./range_allocator.ts";

/**
 * Hands out pieces of a region and takes them back: rings and pools have them from the set-up of a
 * device until it is reset or closed. What is in a piece is left over from who had it before.
 */
export class DmaArena {
  /** The region that it hands out. */
  readonly region: DmaRegion;
  readonly #ranges: RangeAllocator;

  /** Hands out from `start` (bytes into the region) to its end. */
  constructor(region: DmaRegion, start: number) {
    this.region = region;
    this.#ranges = new RangeAllocator(start, region.byteLength);
  }

  /** Bytes that are free, not all of them in one piece. */
  get available(): number {
    return this.#ranges.available;
  }

  /**
   * Takes `byteLength` bytes at a multiple of `align` and returns their offset into the region.
   * `NetdevError("ENOSPC")` when they do not fit any more, and `NetdevError("EINVAL")` for a length
   * that is none: a negative one would hand out again what others use.
   */
  alloc(byteLength: number, align: number): number {
    if (!Number.isInteger(byteLength) || byteLength < 1) {
      throw new NetdevError("EINVAL", `${byteLength} bytes of DMA memory: at least 1 is needed`);
    }
    const offset = this.#ranges.alloc(byteLength, align);
    if (offset !== null) return offset;
    const { available, longest } = this.#ranges;
    throw new NetdevError(
      "ENOSPC",
      `${byteLength} bytes of DMA memory: ${available} are left, ${longest} in one piece`,
    );
  }

  /**
   * Takes back the piece at `offset`, whole. `NetdevError("EINVAL")` when none that is handed out
   * begins there: it was given back before, or never was a piece.
   */
  free(offset: number): void {
    if (this.#ranges.free(offset)) return;
    throw new NetdevError("EINVAL", `no piece of DMA memory at ${offset} to give back`);
  }
}
