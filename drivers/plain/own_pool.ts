import type { DmaRegion } from "../../netdev/dma_region.ts";
import { NetbufPool, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";

/** All memory of a device, the netbufs of its one pool included. */
export interface PoolRegion extends DmaRegion {
  /** Where the netbuf pool begins. */
  readonly poolStart: number;
}

/**
 * The one pool of a device, and the region that it's cut out of: the queues get the netbufs of this
 * region only, as they know no other memory.
 */
export class OwnPool<Region extends PoolRegion> {
  readonly #device: string;
  readonly #makeRegion: (options: NetbufPoolOptions) => Region;
  #region: Region | null = null;
  #pool: NetbufPool | null = null;

  /** `device` is what messages call it: `a TAP device`. */
  constructor(device: string, makeRegion: (options: NetbufPoolOptions) => Region) {
    this.#device = device;
    this.#makeRegion = makeRegion;
  }

  /** Makes region and pool. `NetdevError("EBUSY")` the second time. */
  create(options: NetbufPoolOptions): NetbufPool {
    if (this.#region !== null) {
      throw new NetdevError("EBUSY", `${this.#device} has one pool, and it is made`);
    }
    const region = this.#makeRegion(options);
    const pool = new NetbufPool(region, region.poolStart, options);
    this.#region = region;
    this.#pool = pool;
    return pool;
  }

  /** The region to receive into `pool` in. `NetdevError("EINVAL")` when the pool is another device's. */
  rxRegion(pool: NetbufPool): Region {
    if (this.#region === null || pool.region !== this.#region) {
      throw new NetdevError("EINVAL", "the pool of the receive queue is not this device's");
    }
    return this.#region;
  }

  /** The region to send from. `NetdevError("EINVAL")` before {@link create}. */
  txRegion(): Region {
    if (this.#region === null) {
      throw new NetdevError("EINVAL", `a transmit queue of ${this.#device} needs its pool first`);
    }
    return this.#region;
  }

  /** Hands out nothing more; another pool may be made. Its memory is the garbage collector's. */
  retire(): void {
    this.#pool?.retire(() => {});
    this.#pool = null;
    this.#region = null;
  }
}
