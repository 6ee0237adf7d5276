import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import { RingParts } from "./ring_parts.ts";
import type { StagedPieces } from "./staged_pieces.ts";

/** Flags of a descriptor (virtio 1.2 §2.7.5, §2.8.1). */
const VIRTQ_DESC_F_NEXT = 1;
const VIRTQ_DESC_F_WRITE = 2;

const DESCRIPTOR_BYTES = 16;

/**
 * Tables of indirect descriptors (virtio 1.2 §2.7.5.3, §2.8.8), one for each buffer that a ring can
 * hold, made once: a buffer of several pieces then takes one descriptor of the ring, which names
 * its table.
 */
export class IndirectTables {
  /** Descriptors of a table: the most pieces that a buffer may have to use one. */
  readonly entries: number;
  readonly #parts: RingParts;
  readonly #region: DmaRegion;
  readonly #first: number;
  readonly #linked: boolean;

  /** `linked`: descriptors name the next one, as in a split ring; in a packed one they just follow. */
  constructor(arena: DmaArena, tables: number, entries: number, linked: boolean) {
    this.entries = entries;
    this.#parts = RingParts.apart(arena, [tables * entries * DESCRIPTOR_BYTES]);
    this.#region = arena.region;
    this.#first = this.#parts.offsets[0];
    this.#linked = linked;
  }

  /** Writes the pieces into a table, and returns where that is. Its bytes are 16 for each piece. */
  write(table: number, pieces: StagedPieces): number {
    const offset = this.#first + table * this.entries * DESCRIPTOR_BYTES;
    const { u32 } = this.#region;
    for (let i = 0, word = offset >>> 2; i < pieces.count; i++, word += 4) {
      const address = this.#region.deviceAddress(pieces.offsets[i]);
      const write = pieces.deviceWrites[i] === 1 ? VIRTQ_DESC_F_WRITE : 0;
      const next = i + 1 < pieces.count ? VIRTQ_DESC_F_NEXT | (i + 1) << 16 : 0;
      u32[word] = address >>> 0;
      u32[word + 1] = Math.floor(address / 0x1_0000_0000);
      u32[word + 2] = pieces.lengths[i];
      // { flags u16, next u16 } in a split ring's, { id u16, flags u16 } in a packed one's.
      u32[word + 3] = this.#linked ? write | next : write << 16;
    }
    return offset;
  }

  /** Gives the memory back. */
  release(): void {
    this.#parts.release();
  }
}
