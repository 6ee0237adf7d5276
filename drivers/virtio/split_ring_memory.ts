import type { DmaArena } from "../../netdev/dma_arena.ts";

const DESCRIPTOR_BYTES = 16;
const USED_ELEMENT_BYTES = 8;
/** §2.7 asks for 16, 2 and 4; a cache line keeps what the two sides write apart. */
const ALIGN = 64;

/** A piece of memory as the arena gave it out. */
export interface Piece {
  readonly offset: number;
  readonly byteLength: number;
}

/** Where a split ring lies: offsets into the region. */
export interface SplitRingMemory {
  /** What it has of the arena, all of which is its own. */
  readonly pieces: readonly Piece[];
  readonly descriptors: number;
  readonly driverArea: number;
  readonly deviceArea: number;
}

/**
 * Takes memory for a split ring of `size` entries (virtio 1.2 §2.7): a piece for each of its parts;
 * or with `align` a single one, in which the parts lie as a legacy device expects them (§2.7.2).
 */
export function allocSplitRing(
  arena: DmaArena,
  size: number,
  align: number | null,
): SplitRingMemory {
  const lengths = [size * DESCRIPTOR_BYTES, 6 + 2 * size, 6 + USED_ELEMENT_BYTES * size];
  if (align === null) {
    const pieces = allocAll(arena, lengths);
    const [descriptors, driverArea, deviceArea] = pieces.map(({ offset }) => offset);
    return { pieces, descriptors, driverArea, deviceArea };
  }
  const toDevice = Math.ceil((lengths[0] + lengths[1]) / align) * align;
  const byteLength = toDevice + lengths[2];
  const offset = arena.alloc(byteLength, align);
  return {
    pieces: [{ offset, byteLength }],
    descriptors: offset,
    driverArea: offset + lengths[0],
    deviceArea: offset + toDevice,
  };
}

/** A piece of memory for each length; all of them or none. */
function allocAll(arena: DmaArena, lengths: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  try {
    for (const byteLength of lengths) {
      pieces.push({ offset: arena.alloc(byteLength, ALIGN), byteLength });
    }
    return pieces;
  } catch (error) {
    for (const { offset } of pieces) arena.free(offset);
    throw error;
  }
}
