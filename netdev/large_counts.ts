/** What is counted in small integers before it's moved. */
const MOST = 2 ** 30;

/**
 * Counts that may grow beyond 2^31, exact to 2^53, for the packet path. A field that begins as a small integer
 * would have V8 give up the code of the whole path when it grows that large, and garbage is made until
 * there's another. A double in a typed array doesn't, but to look whether it's a whole number before each
 * addition, as V8 does, takes 2 ns. So small integers are counted, and moved to doubles now and then.
 */
export class LargeCounts {
  readonly #small: Int32Array = new Int32Array(0);
  readonly #large: Float64Array = new Float64Array(0);

  /** So many counts, all of them 0. */
  constructor(length: number) {
    // The first thing counted has each of them moved, so that V8 has seen that when it compiles the path.
    this.#small = new Int32Array(length).fill(MOST);
    this.#large = new Float64Array(length).fill(-MOST);
  }

  /** The count of this number. */
  get(index: number): number {
    return this.#large[index] + this.#small[index];
  }

  /** Counts `times` more, or fewer: a whole number less than 2^30 from 0. */
  add(index: number, times: number): void {
    const sum = this.#small[index] + times | 0;
    this.#small[index] = sum;
    if (sum >= MOST) this.#move(index);
  }

  #move(index: number): void {
    this.#large[index] += this.#small[index];
    this.#small[index] = 0;
  }
}
