import type { DmaRegion } from "./dma_region.ts";
import { Netbuf, NETBUF_HEADROOM, type NetbufOwner } from "./netbuf.ts";
import { NetdevError } from "./netdev_error.ts";

const CACHE_LINE = 64;

/**
 * Each buffer begins 14 bytes past a cache line. With the headroom of 64 an Ethernet header then stands at
 * 2 mod 4 and the IP header behind its 14 bytes at 0 mod 4; and the 12 bytes of a device's header in front
 * share a line with the first 50 of the frame. So a short frame is in two lines with its header, not in
 * three, and each line has to come from the device's processor, and go back.
 */
const START_IN_LINE = 14;

/** Bytes between two buffers. */
const GAP = 2;

/** How a pool is cut. */
export interface NetbufPoolOptions {
  /** Netbufs to make. */
  readonly count: number;
  /** Bytes from one buffer to the next, a multiple of 64; default {@link DEFAULT_NETBUF_STRIDE}. */
  readonly stride?: number;
}

/**
 * The stride of a pool unless told otherwise: room for a 1500-byte MTU with all headers, in an odd number
 * of cache lines. With 32 of them the headers of all buffers would share two of the 64 places that the
 * processor's first cache has for a line, and push each other out: 2 ns a packet.
 */
export const DEFAULT_NETBUF_STRIDE = 2112;

/** The stride of netbufs with room for `bytes` behind their headroom: the default one or larger. */
export function netbufStride(bytes: number): number {
  const needed = Math.ceil((GAP + NETBUF_HEADROOM + bytes) / CACHE_LINE) * CACHE_LINE;
  return Math.max(needed, DEFAULT_NETBUF_STRIDE);
}

/** Bytes of region that a pool takes: two cache lines for alignment, and one stride per netbuf. */
export function netbufPoolBytes(options: NetbufPoolOptions): number {
  return 2 * CACHE_LINE + options.count * (options.stride ?? DEFAULT_NETBUF_STRIDE);
}

/**
 * The netbufs of one device, all made here and never again: a stack of the free ones. The last one
 * freed is the next one handed out, as its bytes are likely to be in the cache still.
 */
export class NetbufPool implements NetbufOwner {
  /** The memory that the netbufs are pieces of. */
  readonly region: DmaRegion;
  /** Netbufs in all. */
  readonly size: number;
  /** Bytes that a new netbuf has room for behind its headroom. */
  readonly bufferBytes: number;
  readonly #stack: Netbuf[];
  #available: number;
  /** Once retired: what to call when the pool is whole, and the netbufs that are back by now. */
  #onWhole: (() => void) | null = null;
  #home = 0;

  /**
   * Cuts `options.count` netbufs out of the {@link netbufPoolBytes} bytes at `offset` of `region`.
   * `NetdevError("EINVAL")` for an odd shape, `NetdevError("ENOSPC")` when the region ends before.
   */
  constructor(region: DmaRegion, offset: number, options: NetbufPoolOptions) {
    const { count, stride = DEFAULT_NETBUF_STRIDE } = options;
    if (!Number.isInteger(count) || count < 1) {
      throw new NetdevError("EINVAL", `a pool of ${count} netbufs: at least 1 is needed`);
    }
    if (stride % CACHE_LINE !== 0 || stride <= NETBUF_HEADROOM + GAP) {
      throw new NetdevError(
        "EINVAL",
        `netbuf stride ${stride}: a multiple of ${CACHE_LINE} above the headroom is needed`,
      );
    }
    if (!Number.isInteger(offset) || offset < 0) {
      throw new NetdevError("EINVAL", `a pool at offset ${offset}: a whole number is needed`);
    }
    const first = Math.ceil(offset / CACHE_LINE) * CACHE_LINE + START_IN_LINE;
    if (first + count * stride - GAP > region.byteLength) {
      throw new NetdevError(
        "ENOSPC",
        `${count} netbufs of ${stride} bytes at ${offset} do not fit into ${region.byteLength}`,
      );
    }
    this.region = region;
    this.size = count;
    this.bufferBytes = stride - GAP - NETBUF_HEADROOM;
    this.#available = count;
    // Not by new Array(count), which V8 would look for holes in at each load.
    this.#stack = Array.from({ length: count }, (_, i) => {
      const start = first + i * stride;
      return new Netbuf(region, start, start + stride - GAP, this);
    });
  }

  /** All free netbufs in its first {@link top} places: where {@link allocBurst} leaves what it hands out. */
  get stack(): readonly Netbuf[] {
    return this.#stack;
  }

  /** Free netbufs on the {@link stack}. */
  get top(): number {
    return this.#available;
  }

  /** Netbufs that lie free now. */
  get available(): number {
    return this.#available + this.#home;
  }

  /** Hands out an empty netbuf that the caller owns, or null when the pool is dry. */
  alloc(): Netbuf | null {
    if (this.#available === 0) return null;
    const netbuf = this.#stack[--this.#available];
    netbuf.reset();
    return netbuf;
  }

  /**
   * {@link alloc} for up to `count` netbufs; says how many there were. They lie where they lay, so that they
   * need not be stored once more: in {@link stack} from {@link top} on, until one is freed.
   */
  allocBurst(count: number): number {
    const stack = this.#stack;
    const before = this.#available;
    const most = count < before ? count : before;
    const top = before - most | 0;
    for (let i = top; i < before; i = i + 1 | 0) stack[i].reset();
    this.#available = top;
    return most;
  }

  /**
   * A copy of a packet (a netbuf or a chain) in one netbuf of this pool, that the caller owns: the way
   * of a packet from one device's memory into another's. Null when the pool is dry, or the packet longer
   * than a netbuf.
   */
  copyOf(packet: Netbuf): Netbuf | null {
    if (packet.chainLength() > this.bufferBytes) return null;
    const copy = this.alloc();
    if (copy === null) return null;
    const to = copy.region.u8;
    let end = copy.data;
    for (let piece: Netbuf | null = packet; piece !== null; piece = piece.next) {
      const from = piece.region.u8;
      // Byte by byte: to have set() do it takes a view, an object for each packet.
      for (let at = piece.data; at < piece.data + piece.length; at++) to[end++] = from[at];
    }
    copy.length = end - copy.data;
    copy.flags = packet.flags;
    copy.csumStart = packet.csumStart;
    copy.csumOffset = packet.csumOffset;
    return copy;
  }

  /** Takes a netbuf back. {@link Netbuf.free} calls this; nobody else should. */
  take(netbuf: Netbuf): void {
    if (this.#onWhole !== null) this.#comeHome();
    else this.#stack[this.#available++] = netbuf;
  }

  /** {@link Netbuf.free} of each of the first `count` packets; those of this pool go back together. */
  freeBurst(netbufs: readonly Netbuf[], count: number): void {
    const stack = this.#stack;
    const isRetired = this.#onWhole !== null;
    let available = this.#available;
    for (let i = 0; i < count; i = i + 1 | 0) {
      const netbuf = netbufs[i];
      if (netbuf.owner === this && isRetired === false && netbuf.dropLast() === true) {
        stack[available] = netbuf;
        available = available + 1 | 0;
      } else {
        this.#available = available;
        netbuf.free();
        available = this.#available;
      }
    }
    this.#available = available;
  }

  /**
   * Hands out nothing more, and calls `onWhole` once, as soon as every netbuf is back: now, or with
   * the last one freed. Its memory may be another's from then on. For the driver that made the pool.
   */
  retire(onWhole: () => void): void {
    if (this.#onWhole !== null) return;
    this.#onWhole = onWhole;
    this.#home = this.#available;
    this.#available = 0;
    if (this.#home === this.size) onWhole();
  }

  #comeHome(): void {
    this.#home++;
    if (this.#home === this.size) this.#onWhole?.();
  }
}
