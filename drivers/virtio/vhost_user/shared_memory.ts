import { DmaArena } from "../../../netdev/dma_arena.ts";
import { closeFd } from "../../ffi/file_descriptor.ts";
import { createMemfd, MappedRegion } from "../../ffi/mapped_region.ts";
import type { MemoryRegion } from "./message.ts";

/**
 * Where back-ends are told that the memory lies in this process. It's a name only: rings are given by
 * user address, buffers by guest address, and a back-end maps the descriptor wherever it likes.
 */
export const USER_ADDRESS = 0x1000_0000;

/** Nothing lies at address 0, which looks like none at all. */
const START = 4096;

/**
 * The memory of a card without a machine: one file, which all back-ends map, one region, and guest
 * address 0, so that the address of a buffer is its offset.
 */
export class SharedMemory implements Disposable {
  /** To hand to a back-end. */
  readonly fd: number;
  readonly dma: DmaArena;
  readonly #region: MappedRegion;
  #closed = false;

  /**
   * Of so many bytes, a multiple of the size of a page. What isn't touched takes no memory here, but
   * may at a back-end that locks what it maps.
   */
  constructor(byteLength: number) {
    this.fd = createMemfd("ukdeno-vhost-user", byteLength);
    try {
      this.#region = new MappedRegion(this.fd, byteLength);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
    this.dma = new DmaArena(this.#region, START);
  }

  /** What the table of SET_MEM_TABLE says. */
  get table(): readonly MemoryRegion[] {
    const size = this.#region.byteLength;
    return [{ guestAddress: 0, size, userAddress: USER_ADDRESS, mmapOffset: 0 }];
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#region[Symbol.dispose]();
    closeFd(this.fd);
  }
}
