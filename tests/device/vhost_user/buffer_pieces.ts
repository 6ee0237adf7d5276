import { BackEndError } from "./back_end_error.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** VIRTQ_DESC_F_WRITE (virtio 1.2 §2.7.5, §2.8.8). */
const VIRTQ_DESC_F_WRITE = 2;

/** Descriptors of one buffer, at most: as many as Linux makes of the longest one, and some. */
export const PIECES_MAX = 64;

/** The descriptors of one buffer, each read once and held against the memory table. */
export class BufferPieces {
  pieces = 0;
  readable = 0;
  readonly offsets: Int32Array = new Int32Array(PIECES_MAX);
  readonly lengths: Int32Array = new Int32Array(PIECES_MAX);
  readonly #memory: GuestMemory;
  readonly #u32: Uint32Array = new Uint32Array(0);

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#u32 = memory.u32;
  }

  /** Begins with another buffer. */
  clear(): void {
    this.pieces = 0;
    this.readable = 0;
  }

  /**
   * Adds the descriptor that begins at element `word` of the memory by 32 bits: address and length
   * are at the same place in all formats. {@link BackEndError} when it breaks a rule.
   */
  add(word: number, flags: number): void {
    const pieces = this.pieces;
    if (pieces === PIECES_MAX) {
      throw new BackEndError(`a buffer has more than ${PIECES_MAX} descriptors`);
    }
    const low = this.#u32[word];
    const high = this.#u32[word + 1];
    const length = this.#u32[word + 2];
    const offset = this.#memory.offsetOf(low, high, length);
    if (offset < 0) throw outside(low, high, length);
    if ((flags & VIRTQ_DESC_F_WRITE) === 0) {
      if (this.readable !== pieces) {
        throw new BackEndError("a descriptor to be read stands behind one to be written");
      }
      this.readable = pieces + 1;
    }
    this.offsets[pieces] = offset;
    this.lengths[pieces] = length;
    this.pieces = pieces + 1;
  }

  /** {@link clear} and {@link add} in one, for a buffer of a single descriptor. */
  setOnly(word: number, flags: number): void {
    const low = this.#u32[word];
    const high = this.#u32[word + 1];
    const length = this.#u32[word + 2];
    const offset = this.#memory.offsetOf(low, high, length);
    if (offset < 0) throw outside(low, high, length);
    this.pieces = 1;
    this.readable = (flags & VIRTQ_DESC_F_WRITE) === 0 ? 1 : 0;
    this.offsets[0] = offset;
    this.lengths[0] = length;
  }

  /** Where the table of an indirect descriptor begins, as an element number by 32 bits. */
  table32(word: number, length: number): number {
    const table = this.#memory.offsetOf(this.#u32[word], this.#u32[word + 1], length);
    if (table < 0 || table % 4 !== 0 || length === 0 || length % 16 !== 0) {
      throw new BackEndError(`an indirect table of ${length} bytes can't be where it is`);
    }
    return table >>> 2;
  }
}

function outside(low: number, high: number, length: number): BackEndError {
  const address = (high * 0x1_0000_0000 + low).toString(16);
  return new BackEndError(
    `a descriptor has ${length} bytes at 0x${address}, outside the memory table`,
  );
}
