import type { DmaArena } from "../../netdev/dma_arena.ts";

/** Rings ask for 16 bytes or less; a cache line keeps what the two sides write apart. */
const ALIGN = 64;

/** A piece of memory as the arena gave it out. */
interface Piece {
  readonly offset: number;
  readonly byteLength: number;
}

/** The pieces of DMA memory that a virtqueue is made of, taken together and given back together. */
export class RingParts {
  /** Byte offsets of the parts in the region, as many as lengths were given. */
  readonly offsets: readonly number[];
  readonly #arena: DmaArena;
  readonly #pieces: readonly Piece[];

  private constructor(arena: DmaArena, offsets: readonly number[], pieces: readonly Piece[]) {
    this.#arena = arena;
    this.#pieces = pieces;
    this.offsets = offsets;
  }

  /** A piece for each length; all of them or none: `NetdevError("ENOSPC")`. */
  static apart(arena: DmaArena, byteLengths: readonly number[]): RingParts {
    const pieces: Piece[] = [];
    try {
      for (const byteLength of byteLengths) {
        pieces.push({ offset: arena.alloc(byteLength, ALIGN), byteLength });
      }
    } catch (error) {
      for (const { offset } of pieces) arena.free(offset);
      throw error;
    }
    return new RingParts(arena, pieces.map(({ offset }) => offset), pieces);
  }

  /**
   * The three parts of a split ring in one piece, as a legacy device computes where they are from where
   * the first is (virtio 1.2 §2.7.2): the third begins at the next multiple of `align`, as the whole
   * does. `NetdevError("ENOSPC")`.
   */
  static inOnePiece(
    arena: DmaArena,
    [descriptors, driverArea, deviceArea]: readonly number[],
    align: number,
  ): RingParts {
    const third = Math.ceil((descriptors + driverArea) / align) * align;
    const byteLength = third + deviceArea;
    const offset = arena.alloc(byteLength, align);
    return new RingParts(arena, [offset, offset + descriptors, offset + third], [
      { offset, byteLength },
    ]);
  }

  /** Zeroes all of it. Lengths that aren't a multiple of 2 are rounded down. */
  clear(): void {
    const { u16 } = this.#arena.region;
    for (const { offset, byteLength } of this.#pieces) {
      u16.fill(0, offset >>> 1, (offset + byteLength) >>> 1);
    }
  }

  /** Gives it back to the arena. */
  release(): void {
    for (const { offset } of this.#pieces) this.#arena.free(offset);
  }
}
