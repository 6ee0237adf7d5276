import { dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevQueueCounters } from "../../netdev/netdev_stats.ts";
import type { UnixSocket } from "../ffi/unix_socket.ts";
import { ETHERNET_HEADER_BYTES } from "../plain/ethernet_header.ts";
import { FrameWriter, type UnsentBytes } from "./frame_writer.ts";
import { LENGTH_BYTES } from "./framing.ts";
import type { StreamRegion } from "./stream_region.ts";

/** The sending half of a stream device: from netbufs through the send buffer to the socket. */
export class TxQueue implements NetdevQueueCounters {
  packets = 0;
  bytes = 0;
  /** System calls that sent something. */
  kicks = 0;
  readonly drops = dropCounters("tx_too_short", "tx_too_long", "tx_foreign", "tx_link_down");
  #socket: UnixSocket | null;
  readonly #region: StreamRegion;
  readonly #writer: FrameWriter;
  readonly #onEnd: (reason: NetdevError) => void;
  #ended: boolean;

  /**
   * Sends netbufs that lie in `region`, after what is left of before. `onEnd` is called once for each
   * peer, in the middle of a call, when it is gone. Without a socket there is no peer yet.
   */
  constructor(
    socket: UnixSocket | null,
    region: StreamRegion,
    rest: UnsentBytes,
    onEnd: (reason: NetdevError) => void,
  ) {
    this.#socket = socket;
    this.#region = region;
    this.#writer = new FrameWriter(region.u8, region.sendStart, region.sendEnd, rest);
    this.#onEnd = onEnd;
    this.#ended = socket === null;
  }

  /** Sends to another peer; what waited for the one before is forgotten. */
  attach(socket: UnixSocket): void {
    this.#socket = socket;
    this.#writer.restart(0);
    this.#ended = false;
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
    this.flush();
    return taken;
  }

  /** Sends what waits, as far as the socket takes it now. */
  flush(): void {
    if (this.#socket === null) return;
    try {
      if (this.#writer.flush(this.#socket) > 0) this.kicks++;
    } catch (cause) {
      this.end();
      this.#onEnd(new NetdevError("ENODEV", "the peer closed the connection", { cause }));
    }
  }

  /** Where the stream stands, for the next queue of the socket. */
  rest(): UnsentBytes {
    return this.#writer.rest();
  }

  /** Frames of the largest size for this MTU that {@link burst} takes now. */
  room(mtu: number): number {
    return Math.floor(this.#writer.room / (LENGTH_BYTES + ETHERNET_HEADER_BYTES + mtu));
  }

  /** Sends nothing more, and forgets what waits. */
  end(): void {
    this.#ended = true;
    this.#writer.clear();
  }

  /** Copies a packet, or counts it as dropped; false when there is no room. */
  #take(netbuf: Netbuf, mtu: number): boolean {
    const length = netbuf.chainLength();
    if (length < ETHERNET_HEADER_BYTES) {
      this.drops.tx_too_short++;
      return true;
    }
    if (length > ETHERNET_HEADER_BYTES + mtu) {
      this.drops.tx_too_long++;
      return true;
    }
    if (!this.#isOwn(netbuf)) {
      this.drops.tx_foreign++;
      return true;
    }
    if (!this.#ended && !this.#writer.append(netbuf, length)) {
      this.flush();
      if (!this.#ended && !this.#writer.append(netbuf, length)) return false;
    }
    if (this.#ended) {
      this.drops.tx_link_down++;
      return true;
    }
    this.packets++;
    this.bytes += length;
    return true;
  }

  #isOwn(chain: Netbuf): boolean {
    for (let netbuf: Netbuf | null = chain; netbuf !== null; netbuf = netbuf.next) {
      if (netbuf.region !== this.#region) return false;
    }
    return true;
  }
}
