import type { LentBuffer } from "./hostile_ring.ts";
import type { IovaRegion } from "./iova_region.ts";

/** What the card left in a buffer that it was lent: nobody else may write there meanwhile. */
const MARK = 0xab1e;

/** Sees whether a driver leaves what it has lent alone. */
export class LentContents {
  readonly #region: IovaRegion;
  /** Buffers that the card wrote to itself. */
  readonly #written = new WeakSet<LentBuffer>();
  readonly #sums = new WeakMap<LentBuffer, number>();

  constructor(region: IovaRegion) {
    this.#region = region;
  }

  /** A buffer to be written was lent. */
  mark({ pieces: [{ offset, length }] }: LentBuffer): void {
    const { u16 } = this.#region;
    u16[offset >>> 1] = MARK;
    u16[(offset + length - 2) >>> 1] = MARK;
  }

  /** The card is about to write to it. Throws when somebody else has, since it was marked. */
  checkMark(buffer: LentBuffer): void {
    if (this.#written.has(buffer)) return;
    this.#written.add(buffer);
    const [{ offset, length }] = buffer.pieces;
    const { u16 } = this.#region;
    const first = u16[offset >>> 1];
    const last = u16[(offset + length - 2) >>> 1];
    if (first === MARK && last === first) return;
    throw new Error(`the driver has written into the buffer at ${offset}, which it had lent`);
  }

  /** A buffer to be read was lent. */
  remember(buffer: LentBuffer): void {
    this.#sums.set(buffer, this.#sum(buffer));
  }

  /** The card is about to send it. Throws when it isn't what was lent. */
  checkUnchanged(buffer: LentBuffer): void {
    if (this.#sums.get(buffer) === this.#sum(buffer)) return;
    throw new Error(`the driver has changed frame ${buffer.head} after it was to be sent`);
  }

  #sum({ pieces }: LentBuffer): number {
    const { u8 } = this.#region;
    let sum = 0;
    for (const { offset, length } of pieces) {
      for (let at = offset; at < offset + length; at++) sum = Math.imul(sum, 31) + u8[at] | 0;
    }
    return sum;
  }
}
