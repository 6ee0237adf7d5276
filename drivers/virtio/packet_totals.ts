const PACKETS = 0;
const BYTES = 1;

/** Bytes that are counted in a small integer before they're moved, and the packets with them. */
const MOST = 2 ** 30;

/**
 * Packets and bytes of a queue, exact to 2^53: as LargeCounts counts, but by one look for both, as there
 * are always more bytes than packets, and in fields, which are there without a look into an array.
 */
export class PacketTotals {
  #packets = 0;
  /** The first bytes counted have both moved, so that V8 has seen that when it compiles the path. */
  #bytes = MOST;
  readonly #large: Float64Array = Float64Array.of(0, -MOST);

  get packets(): number {
    return this.#large[PACKETS] + this.#packets;
  }

  get bytes(): number {
    return this.#large[BYTES] + this.#bytes;
  }

  /** Counts so many more, or fewer: less than 2^30 bytes. */
  add(packets: number, bytes: number): void {
    const sum = this.#bytes + bytes | 0;
    this.#packets = this.#packets + packets | 0;
    this.#bytes = sum;
    if (sum >= MOST) this.#move();
  }

  #move(): void {
    this.#large[PACKETS] += this.#packets;
    this.#large[BYTES] += this.#bytes;
    this.#packets = 0;
    this.#bytes = 0;
  }
}
