import type { AddressRange } from "./address_range.ts";
import * as byteSwap from "./byte_swap.ts";

// Not imported by name, for speed: see host.ts.
const { swapInt32, swapUint16 } = byteSwap;

/** Addresses of a page, which is a /16: they have the upper half of their bits in common. */
const PAGE_BITS = 16;
const PAGES = 1 << 32 - PAGE_BITS;
const HALF = (1 << PAGE_BITS) - 1;
/** A page's bits, in int32. */
const PAGE_WORDS = 1 << PAGE_BITS - 5;

/** A page without bits of its own is all in, or else (0) all out. */
const FULL_PAGE = 1;
const FIRST_PAGE = 2;

/**
 * A fixed set of IPv4 addresses (int32) that tells its members at a cost that doesn't grow with
 * them. It is a table as a processor has one for its memory: a page is all out, all in, or has a bit
 * for each address. That takes 128 KiB, and 8 KiB for each page that is partly in.
 *
 * Table and bits are in the order in which memory has an address, lowest byte on top, so that the
 * packet path need not turn it round.
 */
export class AddressSet {
  readonly #pages = new Uint16Array(PAGES);
  /** Of each page, from `FIRST_PAGE` on. */
  readonly #bits: Int32Array;

  /** Of sorted ranges with gaps between them: see {@link mergeRanges}. */
  constructor(ranges: readonly AddressRange[]) {
    const parts = new Map<number, Int32Array>();
    for (const range of ranges) this.#fill(range, parts);
    this.#bits = new Int32Array((FIRST_PAGE + parts.size) * PAGE_WORDS);
    let next = FIRST_PAGE;
    for (const [page, bits] of parts) {
      this.#pages[page] = next;
      this.#bits.set(bits, next++ * PAGE_WORDS);
    }
  }

  /** Whether the address is in the set. */
  has(address: number): boolean {
    return this.hasWord(swapInt32(address));
  }

  /** {@link has} of an address as memory has it, as an int32. */
  hasWord(word: number): boolean {
    const page = this.#pages[word & HALF];
    if (page < FIRST_PAGE) return page === FULL_PAGE;
    const bit = word >>> PAGE_BITS;
    return (this.#bits[page * PAGE_WORDS + (bit >>> 5)] >>> (bit & 31) & 1) !== 0;
  }

  /** Marks the pages that a range has all of, and sets its bits in the `parts` of others. */
  #fill({ first, last }: AddressRange, parts: Map<number, Int32Array>): void {
    const [firstPage, lastPage] = [first >>> PAGE_BITS, last >>> PAGE_BITS];
    for (let upper = firstPage; upper <= lastPage; upper++) {
      const page = swapUint16(upper);
      const from = upper === firstPage ? first & HALF : 0;
      const to = upper === lastPage ? last & HALF : HALF;
      if (from === 0 && to === HALF) {
        this.#pages[page] = FULL_PAGE;
        continue;
      }
      const bits = parts.get(page) ?? new Int32Array(PAGE_WORDS);
      parts.set(page, bits);
      for (let lower = from; lower <= to; lower++) {
        const bit = swapUint16(lower);
        bits[bit >>> 5] |= 1 << (bit & 31);
      }
    }
  }
}
