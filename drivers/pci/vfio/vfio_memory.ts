import { Mapping } from "../../ffi/mapping.ts";
import { ErrnoError } from "../../ffi/errno.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../../netdev/dma_region.ts";
import type { VfioContainer } from "./vfio_container.ts";

/** The unit in which memory is given to the IOMMU: a huge page, of which it then has one entry. */
const PIECE = 2 * 2 ** 20;

/**
 * Memory of this process that a card sees, at addresses of ours: byte n at `iova` + n. It's in huge
 * pages, where some are set aside. It outlives the card, whose next one finds it at the same place.
 */
export class VfioMemory implements DmaRegion, Disposable {
  readonly byteLength: number;
  readonly u8: Uint8Array = new Uint8Array(0);
  readonly u16: Uint16Array = new Uint16Array(0);
  readonly u32: Uint32Array = new Uint32Array(0);
  /** The address of its first byte for the card. */
  readonly iova: number = 0;
  readonly #mapping: Mapping;
  #container: VfioContainer | null = null;
  /** Bytes from its start that were asked for, and those that the container has. */
  #wanted = 0;
  #mapped = 0;

  /** `byteLength` and `iova` are multiples of 2 MiB. `ErrnoError` when there's not so much. */
  constructor(byteLength: number, iova: number) {
    this.#mapping = mapMemory(byteLength);
    this.byteLength = byteLength;
    this.iova = iova;
    this.u8 = this.#mapping.u8;
    this.u16 = this.#mapping.u16;
    this.u32 = this.#mapping.u32;
  }

  deviceAddress(offset: number): number {
    return this.iova + offset;
  }

  /** Gives a container, whose group has come, what was asked for before. `VfioError` when it can't. */
  attach(container: VfioContainer): void {
    this.#container = container;
    this.#mapped = 0;
    this.#map();
  }

  /** The container has gone, and with it all that was mapped. */
  detach(): void {
    this.#container = null;
  }

  /** Has the card see the bytes before `end` at least. `VfioError` when it can't. */
  reach(end: number): void {
    this.#wanted = Math.max(this.#wanted, Math.ceil(end / PIECE) * PIECE);
    this.#map();
  }

  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
  }

  #map(): void {
    const byteLength = this.#wanted - this.#mapped;
    if (this.#container === null || byteLength === 0) return;
    const start = this.#mapped;
    this.#container.mapDma(this.#mapping.address + start, this.iova + start, byteLength);
    this.#mapped = this.#wanted;
  }
}

/** Hands out memory of a card: what it hands out is there, and the card sees it; no more than that. */
export class VfioArena extends DmaArena {
  readonly #memory: VfioMemory;

  constructor(memory: VfioMemory) {
    super(memory, 0);
    this.#memory = memory;
  }

  override alloc(byteLength: number, align: number): number {
    const offset = super.alloc(byteLength, align);
    try {
      this.#memory.reach(offset + byteLength);
      return offset;
    } catch (error) {
      super.free(offset);
      throw error;
    }
  }
}

function mapMemory(byteLength: number): Mapping {
  try {
    return Mapping.ofHugePages(byteLength);
  } catch (error) {
    // Nobody has set so many of them aside; EINVAL where the kernel has none at all.
    if (!(error instanceof ErrnoError)) throw error;
  }
  return Mapping.anonymous(byteLength);
}
