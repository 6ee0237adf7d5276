import { PlainRegion } from "../../netdev/dma_region.ts";
import { netbufPoolBytes, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import type { PoolRegion } from "../plain/own_pool.ts";

/** Several of the longest frames, and the most that one system call receives. */
const RECEIVE_BYTES = 256 * 1024;

/**
 * All memory of a stream device in one array: what was received, what is to be sent, and the pool.
 * `copyWithin` then moves a frame from one to the other, which makes no object; between two arrays
 * it would take a `subarray` per frame.
 */
export class StreamRegion extends PlainRegion implements PoolRegion {
  /** A plain ArrayBuffer, of which system calls get the address. */
  declare readonly u8: Uint8Array<ArrayBuffer>;
  /** Where received bytes begin, and end. */
  readonly receiveStart = 0;
  readonly receiveEnd = RECEIVE_BYTES;
  /** Where bytes to send begin, and end. */
  readonly sendStart = RECEIVE_BYTES;
  readonly sendEnd: number;
  /** Where the netbuf pool begins. */
  readonly poolStart: number;

  constructor(sendBytes: number, pool: NetbufPoolOptions) {
    const poolStart = Math.ceil((RECEIVE_BYTES + sendBytes) / 4) * 4;
    super(poolStart + netbufPoolBytes(pool));
    this.sendEnd = RECEIVE_BYTES + sendBytes;
    this.poolStart = poolStart;
  }
}
