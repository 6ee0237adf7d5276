import { PlainRegion } from "../../netdev/dma_region.ts";
import { netbufPoolBytes, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { addressOf } from "../ffi/address.ts";
import type { PoolRegion } from "../plain/own_pool.ts";

/** Keeps the region's length a multiple of 4. */
const SPILL_BYTES = 4;

/** All memory of a TAP device: the pool, and room for what a netbuf is too short for. */
export class TapRegion extends PlainRegion implements PoolRegion {
  /** A plain ArrayBuffer, which stays where it is: system calls get its address. */
  declare readonly u8: Uint8Array<ArrayBuffer>;
  /** Where the region lies in this process. */
  readonly address: number;
  /** Where the netbuf pool begins. */
  readonly poolStart = 0;
  /** Offset of a byte that is only written to. */
  readonly spill: number;

  constructor(pool: NetbufPoolOptions) {
    const poolBytes = netbufPoolBytes(pool);
    super(poolBytes + SPILL_BYTES);
    this.address = addressOf(this.u8);
    this.spill = poolBytes;
  }
}
