import type { DmaArena } from "./dma_arena.ts";
import { NetbufPool, netbufPoolBytes, type NetbufPoolOptions } from "./netbuf_pool.ts";

/** Netbufs begin at cache lines. */
const POOL_ALIGN = 64;

/** The pools of a device whose memory comes from an arena: what its `poolCreate` has made. */
export class DmaPools {
  /** What to call for each pool when it goes: it gives the pool's memory back. */
  readonly #retire: (() => void)[] = [];

  /** Makes a pool in memory from `arena`. `NetdevError("ENOSPC")` when that has none left. */
  create(arena: DmaArena, options: NetbufPoolOptions): NetbufPool {
    const offset = arena.alloc(netbufPoolBytes(options), POOL_ALIGN);
    try {
      const pool = new NetbufPool(arena.region, offset, options);
      this.#retire.push(() => pool.retire(() => arena.free(offset)));
      return pool;
    } catch (error) {
      arena.free(offset);
      throw error;
    }
  }

  /** Retires all of them: the memory of each goes back with its last netbuf. For `unconfigure`. */
  retire(): void {
    for (const retire of this.#retire.splice(0)) retire();
  }
}
