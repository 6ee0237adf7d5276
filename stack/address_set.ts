import type { AddressRange } from "./address_range.ts";

/** Addresses of a page, which is a /16: they have the upper half of their bits in common. */
const PAGE_BITS = 16;
const PAGES = 1 << 32 - PAGE_BITS;
/** A page's bits, in int32. */
const PAGE_WORDS = 1 << PAGE_BITS - 5;

/** Pages that have no bits of their own. */
const EMPTY_PAGE = 0;
const FULL_PAGE = 1;

/**
 * A fixed set of IPv4 addresses (int32) that tells its members at a cost that doesn't grow with
 * them: one range is two comparisons. Several are a table of pages, as a processor looks memory up:
 * a page is nobody's, all ours, or has a bit for each address, so that it costs at most 8 KiB for
 * each end of a range.
 */
export class AddressSet {
  /** The lowest and the highest member; without any, the one is above the other. */
  readonly #lowest: number = 0;
  readonly #highest: number = -1;
  /** The page of an address's upper half; null when all between the lowest and the highest is in. */
  readonly #pages: Uint16Array | null = null;
  /** Page by page, a bit for each address. */
  readonly #bits = new Int32Array(0);

  /** Of sorted ranges with gaps between them: see {@link mergeRanges}. */
  constructor(ranges: readonly AddressRange[]) {
    if (ranges.length === 0) return;
    this.#lowest = ranges[0].first;
    this.#highest = ranges[ranges.length - 1].last;
    if (ranges.length === 1) return;
    const pages = new Map<number, Int32Array | null>();
    for (const range of ranges) fill(pages, range);
    this.#pages = new Uint16Array(PAGES);
    const own = [...pages].filter(([, bits]) => bits !== null);
    this.#bits = new Int32Array((FULL_PAGE + 1 + own.length) * PAGE_WORDS);
    this.#bits.fill(-1, FULL_PAGE * PAGE_WORDS, (FULL_PAGE + 1) * PAGE_WORDS);
    let next = FULL_PAGE + 1;
    for (const [upper, bits] of pages) {
      this.#pages[upper] = bits === null ? FULL_PAGE : next;
      if (bits !== null) this.#bits.set(bits, next++ * PAGE_WORDS);
    }
  }

  /** Whether the address is in the set. */
  has(address: number): boolean {
    if (address < this.#lowest || address > this.#highest) return false;
    const pages = this.#pages;
    if (pages === null) return true;
    const page = pages[address >>> PAGE_BITS];
    if (page === EMPTY_PAGE) return false;
    const word = this.#bits[page * PAGE_WORDS + (address >>> 5 & PAGE_WORDS - 1)];
    return (word >>> (address & 31) & 1) !== 0;
  }
}

/** Sets a range's bits in the pages that it has a part of, and null for those that it has all of. */
function fill(pages: Map<number, Int32Array | null>, { first, last }: AddressRange): void {
  const [firstPage, lastPage] = [first >>> PAGE_BITS, last >>> PAGE_BITS];
  const mask = (1 << PAGE_BITS) - 1;
  for (let page = firstPage; page <= lastPage; page++) {
    const from = page === firstPage ? first & mask : 0;
    const to = page === lastPage ? last & mask : mask;
    if (from === 0 && to === mask) {
      pages.set(page, null);
      continue;
    }
    const bits = pages.get(page) ?? new Int32Array(PAGE_WORDS);
    pages.set(page, bits);
    for (let bit = from; bit <= to; bit++) bits[bit >>> 5] |= 1 << (bit & 31);
  }
}
