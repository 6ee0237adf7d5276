/**
 * Packets and bytes of a queue, as doubles from the start. A field that begins as a small integer would
 * have V8 give up the code of the whole packet path when it grows beyond 2^31: a second or two of traffic
 * for bytes, and garbage until that code is made anew.
 */
export class PacketTotals {
  readonly #totals = new Float64Array(2);

  get packets(): number {
    return this.#totals[0];
  }

  get bytes(): number {
    return this.#totals[1];
  }

  /** Counts so many more, or fewer. */
  add(packets: number, bytes: number): void {
    this.#totals[0] += packets;
    this.#totals[1] += bytes;
  }
}
