import type { DmaRegion } from "./dma_region.ts";
import { NetdevError } from "./netdev_error.ts";

/** Bytes kept free in front of the data of a new netbuf, for the headers of drivers. */
export const NETBUF_HEADROOM = 64;

/** Flag of a netbuf: its device has found the checksum of what it carries right (uk_netbuf). */
export const NETBUF_F_DATA_VALID = 0x1;
/**
 * Flag of a netbuf: the checksum of what it carries is to be completed, by the device when it's sent,
 * or by who needs it when it was received (uk_netbuf).
 */
export const NETBUF_F_PARTIAL_CSUM = 0x2;

/** Where a netbuf goes when its last reference is dropped. */
export interface NetbufOwner {
  /** Takes back a netbuf that nobody holds any more. */
  take(netbuf: Netbuf): void;
  /** Drops a reference of each of `netbufs[0…]`, `count` packets, as {@link Netbuf.free} does; not all need be its own. */
  freeBurst(netbufs: readonly Netbuf[], count: number): void;
}

/**
 * One packet buffer, as uk_netbuf has it: a fixed piece of a region, and in it the bytes that are
 * data now.
 *
 * ```text
 * start                                                     end
 *   |<-- headroom -->|<------- length ------->|<-- tailroom -->|
 *                    data
 * ```
 *
 * A netbuf holds numbers, not views: `data` is a byte offset into `region`, whose typed arrays all
 * netbufs of the region share, so that handling a packet allocates nothing. Netbufs are made once,
 * by their pool. Whoever took one from `alloc()` or from `rxBurst()` owns it until it frees it or
 * a `txBurst()` accepts it.
 *
 * Numbers begin as 0, not as undefined, so that V8 knows that they are small integers.
 */
export class Netbuf {
  /** The memory it's a piece of. */
  declare readonly region: DmaRegion;
  /** First byte of the buffer, an offset into the region: 14 past a multiple of 64 (see the pool). */
  readonly start: number = 0;
  /** One past the last byte of the buffer. */
  readonly end: number = 0;
  /** First byte of the packet, an offset into the region. */
  data = 0;
  /** Bytes of the packet in this netbuf. */
  length = 0;
  /** The next piece of the same packet, or null. */
  next: Netbuf | null = null;
  /** `NETBUF_F_…`; of a chain, those of its first netbuf. */
  flags = 0;
  /**
   * With {@link NETBUF_F_PARTIAL_CSUM}: from how many bytes behind `data` on, to the end of the packet,
   * the checksum is made. An even number, as `csumOffset` is.
   */
  csumStart = 0;
  /**
   * Where it's to be put, that many bytes behind `csumStart`, in the first netbuf. What stands there is
   * the sum of what the checksum covers besides, such as UDP's pseudo-header; 0 for nothing.
   */
  csumOffset = 0;
  /**
   * The device's hash of a packet as it was received, an int32, by which it chose the queue or could
   * have; {@link rxHashType} says of what. Both mean nothing in a netbuf that the pool gave out.
   */
  rxHash = 0;
  /** What was hashed. 0: nothing; 1: the two addresses of an IPv4 packet; more, as its driver says. */
  rxHashType = 0;
  /** Where it goes when its last reference is dropped. */
  declare readonly owner: NetbufOwner;
  #references = 0;

  /** The bytes of `region` from `start` to before `end`, free until its first {@link reset}. */
  constructor(region: DmaRegion, start: number, end: number, owner: NetbufOwner) {
    this.region = region;
    this.start = start;
    this.end = end;
    this.data = start + NETBUF_HEADROOM;
    this.owner = owner;
  }

  /** Bytes free in front of the data. */
  get headroom(): number {
    return this.data - this.start;
  }

  /** Bytes free behind the data. */
  get tailroom(): number {
    return this.end - this.data - this.length;
  }

  /** References held; 0 while it lies in its pool. */
  get references(): number {
    return this.#references;
  }

  /** Makes it an empty packet with the standard headroom and one reference. For its pool. */
  reset(): void {
    this.data = this.start + NETBUF_HEADROOM;
    this.length = 0;
    this.next = null;
    this.flags = 0;
    this.#references = 1;
  }

  /** Grows the packet by `bytes` at its front. `NetdevError("ENOSPC")` when the headroom is short. */
  push(bytes: number): void {
    if (bytes < 0 || bytes > this.headroom) {
      throw new NetdevError("ENOSPC", `push of ${bytes} bytes into ${this.headroom} of headroom`);
    }
    this.data -= bytes;
    this.length += bytes;
    if (this.flags !== 0) this.#moveChecksum(bytes);
  }

  /**
   * Strips `bytes` from the front of the packet; a partial checksum goes with the first byte that it
   * covers. `NetdevError("EINVAL")` when it has fewer.
   */
  pull(bytes: number): void {
    if (bytes < 0 || bytes > this.length) {
      throw new NetdevError("EINVAL", `pull of ${bytes} bytes from ${this.length} of data`);
    }
    this.data += bytes;
    this.length -= bytes;
    if (this.flags !== 0) this.#moveChecksum(-bytes);
  }

  /** A partial checksum starts where it did, though `data` has moved: this much to the front. */
  #moveChecksum(bytes: number): void {
    this.csumStart += bytes;
    if (this.csumStart < 0) this.flags &= ~NETBUF_F_PARTIAL_CSUM;
  }

  /**
   * Adds a reference to this netbuf alone, not to the rest of its chain. `NetdevError("EINVAL")`
   * when it is free: it will belong to somebody else.
   */
  ref(): void {
    if (this.#references === 0) {
      throw new NetdevError("EINVAL", `netbuf at ${this.start} referenced while it is free`);
    }
    this.#references++;
  }

  /**
   * Drops one reference of every netbuf of the chain; each goes back to its pool with its last one.
   * Those with more stay a chain of their own: none may lead to a netbuf that is another's by then.
   * `NetdevError("EINVAL")` when it is free already: two owners would write the same packet.
   */
  free(): void {
    if (this.dropLast()) {
      this.owner.take(this);
      return;
    }
    let rest = this.#drop();
    let kept: Netbuf | null = null;
    if (this.#references > 0) kept = this;
    while (rest !== null) {
      const netbuf: Netbuf = rest;
      rest = netbuf.#drop();
      if (netbuf.#references === 0) continue;
      if (kept !== null) kept.next = netbuf;
      kept = netbuf;
    }
  }

  /**
   * Drops the last reference of a packet in one netbuf, which its owner has to take back now; false,
   * and nothing dropped, of any other. For its owner.
   */
  dropLast(): boolean {
    if (this.next !== null || this.#references !== 1) return false;
    this.#references = 0;
    return true;
  }

  /** Drops one reference, leaves the chain, and returns what came behind. */
  #drop(): Netbuf | null {
    if (this.#references === 0) {
      throw new NetdevError("EINVAL", `netbuf at ${this.start} freed twice`);
    }
    const rest = this.next;
    this.next = null;
    this.#references--;
    if (this.#references === 0) this.owner.take(this);
    return rest;
  }

  /** Appends `tail` (a netbuf or a chain) to the end of this chain, which takes over its reference. */
  append(tail: Netbuf): void {
    let rest = this.next;
    if (rest === null) {
      this.next = tail;
      return;
    }
    // Not by recursion: a device decides how long a chain is, and may want the stack to overflow.
    while (rest.next !== null) rest = rest.next;
    rest.next = tail;
  }

  /** Bytes of the packet over the whole chain. */
  chainLength(): number {
    let total = this.length;
    for (let netbuf = this.next; netbuf !== null; netbuf = netbuf.next) {
      total += netbuf.length;
    }
    return total;
  }
  /**
   * Whether the packet lies in this memory, over the whole chain. Offsets of a netbuf from elsewhere
   * mean nothing to the device of `region`.
   */
  liesIn(region: DmaRegion): boolean {
    if (this.region !== region) return false;
    for (let netbuf = this.next; netbuf !== null; netbuf = netbuf.next) {
      if (netbuf.region !== region) return false;
    }
    return true;
  }
}
