import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetdevQueueCounters } from "../../netdev/netdev_stats.ts";
import { EAGAIN, EBADFD, EINTR, EIO, errno } from "../ffi/errno.ts";
import { POLLOUT, ReadyProbe } from "../ffi/fd_waiter.ts";
import { IovecArray } from "../ffi/iovec.ts";
import { ETHERNET_HEADER_BYTES } from "../plain/ethernet_header.ts";
import type { TapRegion } from "./tap_region.ts";

declareDropReasons("tap", {
  tx_refused: "to be sent, but Linux did not take it, though the interface is set up",
}, ["tx_refused"]);

/** Netbufs of a chain that one frame is gathered from, at most. */
const MAX_PIECES = 64;

/** Is told of what a write came to, when that is news. In the middle of a call. */
export interface TxQueueEvents {
  /** Nothing more can be sent. Once. */
  readonly onEnd: (errno: number) => void;
  /** The interface turned out to be set up, or not to be. */
  readonly onLink: (up: boolean) => void;
}

/** The sending half of a TAP device: a write is a frame, straight from the netbufs of its chain. */
export class TxQueue implements NetdevQueueCounters {
  packets = 0;
  bytes = 0;
  /** System calls that sent a frame. */
  kicks = 0;
  /** The link counts as down while the interface is not set up, and when it is gone. */
  readonly drops = dropCounters(
    "tx_too_short",
    "tx_too_long",
    "tx_too_many_pieces",
    "tx_foreign",
    "tx_link_down",
    "tx_refused",
  );
  readonly #fd: number;
  readonly #region: TapRegion;
  readonly #events: TxQueueEvents;
  readonly #probe: ReadyProbe;
  readonly #iovecs = new IovecArray(MAX_PIECES);
  #pieces = 0;
  #linkUp = true;
  #full = false;
  #ended = false;

  /** Sends netbufs that lie in `region`. */
  constructor(fd: number, region: TapRegion, events: TxQueueEvents) {
    this.#fd = fd;
    this.#region = region;
    this.#events = events;
    this.#probe = new ReadyProbe(fd, POLLOUT);
  }

  /** Takes and frees up to `count` packets of `netbufs[from…]`, and says how many. */
  burst(netbufs: Netbuf[], from: number, count: number, mtu: number): number {
    let taken = 0;
    while (taken < count) {
      const netbuf = netbufs[from + taken];
      if (!this.#take(netbuf, mtu)) break;
      netbuf.free();
      taken++;
    }
    return taken;
  }

  /** Whether Linux takes another frame now, as far as is known. */
  hasRoom(): boolean {
    if (this.#full && this.#probe.ready()) this.#full = false;
    return !this.#full;
  }

  /** Sends nothing more. */
  end(): void {
    this.#ended = true;
  }

  /** Sends a packet, or counts it as dropped; false when there is no room for it. */
  #take(chain: Netbuf, mtu: number): boolean {
    const length = chain.chainLength();
    if (length < ETHERNET_HEADER_BYTES) this.drops.tx_too_short++;
    else if (length > ETHERNET_HEADER_BYTES + mtu) this.drops.tx_too_long++;
    else if (this.#ended) this.drops.tx_link_down++;
    else if (this.#gather(chain)) return this.#write(length);
    return true;
  }

  /** Has the iovecs point at the chain; false, and counted, when they can't. */
  #gather(chain: Netbuf): boolean {
    let pieces = 0;
    for (let netbuf: Netbuf | null = chain; netbuf !== null; netbuf = netbuf.next) {
      if (netbuf.region !== this.#region) {
        this.drops.tx_foreign++;
        return false;
      }
      if (pieces === MAX_PIECES) {
        this.drops.tx_too_many_pieces++;
        return false;
      }
      this.#iovecs.set(pieces++, this.#region.address + netbuf.data, netbuf.length);
    }
    this.#pieces = pieces;
    return true;
  }

  #write(length: number): boolean {
    if (this.#iovecs.write(this.#fd, this.#pieces) >= 0) {
      this.packets++;
      this.kicks++;
      this.bytes += length;
      this.#full = false;
      this.#setLink(true);
      return true;
    }
    const error = errno();
    if (error === EAGAIN || error === EINTR) {
      this.#full = true;
      return false;
    }
    if (error === EIO || error === EBADFD) this.drops.tx_link_down++;
    else this.drops.tx_refused++;
    if (error === EIO) this.#setLink(false);
    if (error === EBADFD) {
      this.#ended = true;
      this.#events.onEnd(error);
    }
    return true;
  }

  #setLink(up: boolean): void {
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    this.#events.onLink(up);
  }
}
