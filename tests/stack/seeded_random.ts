/** Numbers that look random and are the same in every run: Marsaglia's xorshift32. */
export class SeededRandom {
  #state: number;

  /** `seed` is any int32 but 0. */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** An int32. */
  int32(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return (this.int32() >>> 0) % bound;
  }

  /** Random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.int32() & 0xff);
  }
}
