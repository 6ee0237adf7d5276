import { dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { NetdevQueueCounters } from "../../netdev/netdev_stats.ts";
import { NETDEV_STATUS_MORE, NETDEV_STATUS_UNDERRUN } from "../../netdev/netdev_types.ts";
import { EAGAIN, EINTR, errno } from "../ffi/errno.ts";
import { POLLIN, ReadyProbe } from "../ffi/fd_waiter.ts";
import { IovecArray } from "../ffi/iovec.ts";
import { ETHERNET_HEADER_BYTES } from "../plain/ethernet_header.ts";
import type { TapRegion } from "./tap_region.ts";

/** The receiving half of a TAP device: a read is a frame, straight into a netbuf. */
export class RxQueue implements NetdevQueueCounters {
  /** MORE and UNDERRUN as the last {@link burst} left them. */
  status = 0;
  packets = 0;
  bytes = 0;
  interrupts = 0;
  underruns = 0;
  readonly drops = dropCounters("rx_too_short", "rx_too_long");
  readonly #fd: number;
  readonly #region: TapRegion;
  readonly #pool: NetbufPool;
  readonly #probe: ReadyProbe;
  readonly #iovecs = new IovecArray(2);
  readonly #onEnd: (errno: number) => void;
  /** Where the next burst ends, unless there is less or less is asked for. */
  #likely = 1;
  #ended = false;

  /**
   * Receives into netbufs of `pool`, which lie in `region`. `onEnd` is called once, in the middle of
   * a call, when nothing more can come.
   */
  constructor(fd: number, region: TapRegion, pool: NetbufPool, onEnd: (errno: number) => void) {
    this.#fd = fd;
    this.#region = region;
    this.#pool = pool;
    this.#probe = new ReadyProbe(fd, POLLIN);
    this.#onEnd = onEnd;
    // A frame that is longer than the netbuf ends here: a read cuts it off and doesn't say so.
    this.#iovecs.set(1, region.address + region.spill, 1);
  }

  /**
   * Puts up to `count` frames into `netbufs[0…]`, a system call each, and says how many. The caller
   * owns the netbufs. A frame for which the pool has no netbuf stays in the kernel.
   *
   * A read behind the last frame finds nothing, but keeps the answers waiting. So a burst ends where
   * frames are likely to: behind the first one, or twice as far as a burst that didn't find the end.
   */
  burst(netbufs: Netbuf[], count: number): number {
    const most = Math.min(count, this.#likely);
    let received = 0;
    this.status = 0;
    this.#likely = 1;
    // No more reads than that, even if all that comes has to be dropped: others want their turn.
    for (let reads = 0; reads < most; reads++) {
      const netbuf = this.#pool.alloc();
      if (netbuf === null) {
        this.#runDry();
        return received;
      }
      const length = this.#read(netbuf);
      if (length < 0) {
        netbuf.free();
        return received;
      }
      if (this.#accept(netbuf, length)) netbufs[received++] = netbuf;
    }
    this.#likely = 2 * most;
    // To look costs as much as to read. Cut short here, it says so of what may be.
    if (most < count || this.frameWaits()) this.status = NETDEV_STATUS_MORE;
    return received;
  }

  /** Whether a read would find something: a frame, or the end. */
  frameWaits(): boolean {
    return !this.#ended && this.#probe.ready();
  }

  /** Reads nothing more. */
  end(): void {
    this.#ended = true;
  }

  /** Bytes of the next frame, one more than fit when it's too long; or -1. */
  #read(netbuf: Netbuf): number {
    if (this.#ended) return -1;
    this.#iovecs.set(0, this.#region.address + netbuf.data, netbuf.tailroom);
    const length = this.#iovecs.read(this.#fd, 2);
    if (length >= 0) return length;
    const error = errno();
    if (error !== EAGAIN && error !== EINTR) {
      this.#ended = true;
      this.#onEnd(error);
    }
    return -1;
  }

  #accept(netbuf: Netbuf, length: number): boolean {
    if (length < ETHERNET_HEADER_BYTES || length > netbuf.tailroom) {
      if (length < ETHERNET_HEADER_BYTES) this.drops.rx_too_short++;
      else this.drops.rx_too_long++;
      netbuf.free();
      return false;
    }
    netbuf.length = length;
    this.packets++;
    this.bytes += length;
    return true;
  }

  #runDry(): void {
    if (!this.frameWaits()) return;
    this.underruns++;
    this.status = NETDEV_STATUS_UNDERRUN | NETDEV_STATUS_MORE;
  }
}
