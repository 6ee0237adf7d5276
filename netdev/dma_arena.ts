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
   * `NetdevError("ENOSPC")` when they do not fit any more.
   */
  alloc(byteLength: number, align: number): number {
    const offset = Math.ceil(this.#next / align) * align;
    if (offset + byteLength > this.region.byteLength) {
      const left = this.region.byteLength - this.#next;
      throw new NetdevError("ENOSPC", `${byteLength} bytes of DMA memory: ${left} are left`);
    }
    this.#next = offset + byteLength;
    return offset;
  }
}
