interface Hole {
  start: number;
  end: number;
}

/**
 * Hands out ranges of whole numbers, byte offsets or bus addresses, and takes them back: the first
 * hole that fits, and holes that meet become one. For set-up, not for packets.
 */
export class RangeAllocator {
  /** In order, none empty, no two touching. */
  readonly #holes: Hole[] = [];
  /** Lengths by start. */
  readonly #used = new Map<number, number>();

  /** Hands out what lies from `start` to before `end`. */
  constructor(start: number, end: number) {
    this.#add(0, start, end);
  }

  /** What is free, over all holes. */
  get available(): number {
    return this.#holes.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** The longest hole. */
  get longest(): number {
    return this.#holes.reduce((longest, { start, end }) => Math.max(longest, end - start), 0);
  }

  /** Takes `length` (1 or more) at a multiple of `align`: the start, or null when no hole has it. */
  alloc(length: number, align: number): number | null {
    for (let i = 0; i < this.#holes.length; i++) {
      const { start, end } = this.#holes[i];
      const at = Math.ceil(start / align) * align;
      if (at + length > end) continue;
      this.#holes.splice(i, 1);
      this.#add(i, at + length, end);
      this.#add(i, start, at);
      this.#used.set(at, length);
      return at;
    }
    return null;
  }

  /** Takes back what {@link alloc} returned; false when nothing that is handed out starts there. */
  free(start: number): boolean {
    const length = this.#used.get(start);
    if (length === undefined) return false;
    this.#used.delete(start);
    const end = start + length;
    const holes = this.#holes;
    const found = holes.findIndex((hole) => hole.start >= end);
    const after = found < 0 ? holes.length : found;
    const meetsBefore = after > 0 && holes[after - 1].end === start;
    const meetsAfter = after < holes.length && holes[after].start === end;
    if (meetsBefore && meetsAfter) {
      holes[after - 1].end = holes[after].end;
      holes.splice(after, 1);
    } else if (meetsBefore) {
      holes[after - 1].end = end;
    } else if (meetsAfter) {
      holes[after].start = start;
    } else {
      this.#add(after, start, end);
    }
    return true;
  }

  #add(index: number, start: number, end: number): void {
    if (start < end) this.#holes.splice(index, 0, { start, end });
  }
}
