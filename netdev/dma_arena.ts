import type { DmaRegion } from "./dma_region.ts";
import { NetdevError } from "./netdev_error.ts";

/**
 * Hands out pieces of a region once and for good: rings and pools are made when a device is set up
 * and live as long as the region does.
 */
export class DmaArena {
  /** The region that it hands out. */
  readonly region: DmaRegion;
  #next: number;

  /** Hands out from `start` (bytes into the region) to its end. */
  constructor(region: DmaRegion, start: number) {
    this.region = region;
    this.#next = start;
  }

  /**
   * Takes `byteLength` bytes at a multiple of `align` and returns their offset into the region.
   * `NetdevError("ENOSPC")` when they do not fit any more, and `NetdevError("EINVAL")` for a length
   * that is none: a negative one would hand out again what others use.
   */
  alloc(byteLength: number, align: number): number {
    if (!Number.isInteger(byteLength) || byteLength < 0) {
      throw new NetdevError(
        "EINVAL",
        `${byteLength} bytes of DMA memory: a whole number is needed`,
      );
    }
    const offset = Math.ceil(this.#next / align) * align;
    if (offset + byteLength > this.region.byteLength) {
      const left = this.region.byteLength - this.#next;
      throw new NetdevError("ENOSPC", `${byteLength} bytes of DMA memory: ${left} are left`);
    }
    this.#next = offset + byteLength;
    return offset;
  }
}
