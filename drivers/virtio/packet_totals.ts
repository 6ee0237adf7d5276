import { LargeCounts } from "../../netdev/large_counts.ts";

const PACKETS = 0;
const BYTES = 1;

/** Packets and bytes of a queue. */
export class PacketTotals {
  readonly #totals = new LargeCounts(2);

  get packets(): number {
    return this.#totals.get(PACKETS);
  }

  get bytes(): number {
    return this.#totals.get(BYTES);
  }

  /** Counts so many more, or fewer. */
  add(packets: number, bytes: number): void {
    this.#totals.add(PACKETS, packets);
    this.#totals.add(BYTES, bytes);
  }
}
