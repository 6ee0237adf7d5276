import type { DmaArena } from "../../netdev/dma_arena.ts";
import { IndirectTables } from "./indirect_tables.ts";
import { RingParts } from "./ring_parts.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";
import type { VirtqueueOptions } from "./virtqueue.ts";

/** Bytes of the three areas of a virtqueue (virtio 1.2 §2.6). */
export interface AreaLengths {
  readonly descriptors: number;
  readonly driverArea: number;
  readonly deviceArea: number;
  /** Bytes that the device area begins behind a multiple of 8, where it may lie anywhere. */
  readonly deviceLead: 0 | 4;
}

/**
 * The memory of a virtqueue: its three areas and, where buffers may have them, tables of indirect
 * descriptors. It's taken from an arena together, and given back together.
 */
export class RingMemory {
  /** Where the areas are, for a transport. */
  readonly addresses: VirtqueueAddresses;
  /** Tables of indirect descriptors, one for each entry of the ring; null for a ring without. */
  readonly tables: IndirectTables | null;
  /** Byte offsets of the areas in the region. */
  protected readonly descriptors: number;
  protected readonly driverArea: number;
  protected readonly deviceArea: number;
  readonly #parts: RingParts;

  /**
   * Takes it for a ring of `size` entries: all of it or nothing, `NetdevError("ENOSPC")`. `linked`:
   * descriptors name the next one of a chain, as in a split ring.
   */
  protected constructor(
    arena: DmaArena,
    size: number,
    lengths: AreaLengths,
    linked: boolean,
    { indirectEntries = 0, ringAlign = null }: VirtqueueOptions,
  ) {
    const { region } = arena;
    const { descriptors, driverArea, deviceArea } = lengths;
    const lead = ringAlign === null ? lengths.deviceLead : 0;
    const areas = [descriptors, driverArea, lead + deviceArea];
    const parts = ringAlign === null
      ? RingParts.apart(arena, areas)
      : RingParts.inOnePiece(arena, areas, ringAlign);
    try {
      this.tables = indirectEntries > 0
        ? new IndirectTables(arena, size, indirectEntries, linked)
        : null;
    } catch (error) {
      parts.release();
      throw error;
    }
    this.#parts = parts;
    [this.descriptors, this.driverArea, this.deviceArea] = parts.offsets;
    this.deviceArea += lead;
    this.addresses = {
      size,
      descriptorArea: region.deviceAddress(this.descriptors),
      driverArea: region.deviceAddress(this.driverArea),
      deviceArea: region.deviceAddress(this.deviceArea),
    };
  }

  /** Zeroes the areas. */
  clear(): void {
    this.#parts.clear();
  }

  /** Gives all of it back to the arena. */
  release(): void {
    this.#parts.release();
    this.tables?.release();
  }
}
