import type { DmaRegion } from "../../netdev/dma_region.ts";

const TWO_TO_32 = 0x1_0000_0000;

/**
 * The addresses of a region as descriptors have them, in two words: the device finds byte n of a region
 * n bytes behind its first one. So no descriptor pays for a number above 2^32 and its division.
 */
export class RegionAddress {
  /** The lower 32 bits of the first byte's address, an int32: those of another are its offset more. */
  readonly low: number = 0;
  /** The upper 32 bits of the first byte's address. */
  readonly high: number = 0;
  /** The offset from which on they are one more. */
  readonly carry: number = 0;

  constructor(region: DmaRegion) {
    const first = region.deviceAddress(0);
    this.low = first | 0;
    this.high = Math.floor(first / TWO_TO_32);
    // Where that's beyond the end, the end does as well, and is a small integer to V8.
    this.carry = Math.min(TWO_TO_32 - (first >>> 0), region.byteLength);
  }
}
