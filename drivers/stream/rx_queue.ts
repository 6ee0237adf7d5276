import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevQueueCounters } from "../../netdev/netdev_stats.ts";
import { NETDEV_STATUS_MORE, NETDEV_STATUS_UNDERRUN } from "../../netdev/netdev_types.ts";
import type { UnixSocket } from "../ffi/unix_socket.ts";
import { ETHERNET_HEADER_BYTES } from "../plain/ethernet_header.ts";
import { FrameReader, FRAMING_LOST, NO_FRAME } from "./frame_reader.ts";
import type { StreamRegion } from "./stream_region.ts";

declareDropReasons("stream", {
  rx_framing_lost: "the rest of a stream that turned out not to be QEMU's framing; once a peer",
}, ["rx_framing_lost"]);

/** The receiving half of a stream device: from the socket through the receive buffer to netbufs. */
export class RxQueue implements NetdevQueueCounters {
  /** MORE and UNDERRUN as the last {@link burst} left them. */
  status = 0;
  packets = 0;
  bytes = 0;
  interrupts = 0;
  underruns = 0;
  readonly drops = dropCounters("rx_too_short", "rx_too_long", "rx_framing_lost");
  #socket: UnixSocket | null;
  readonly #region: StreamRegion;
  readonly #pool: NetbufPool;
  readonly #reader: FrameReader;
  readonly #onEnd: (reason: NetdevError) => void;
  #ended: boolean;

  /**
   * Receives into netbufs of `pool`, which lie in `region`, first what was `received` before by another
   * queue. `onEnd` is called once for each peer, in the middle of a call, when nothing more can come.
   * Without a socket there is no peer yet.
   */
  constructor(
    socket: UnixSocket | null,
    region: StreamRegion,
    pool: NetbufPool,
    received: Uint8Array,
    onEnd: (reason: NetdevError) => void,
  ) {
    this.#socket = socket;
    this.#region = region;
    this.#pool = pool;
    this.#reader = new FrameReader(region.u8, region.receiveStart, region.receiveEnd, received);
    this.#onEnd = onEnd;
    this.#ended = socket === null;
  }

  /** Receives from another peer; what the one before had sent of a frame is forgotten. */
  attach(socket: UnixSocket): void {
    this.#socket = socket;
    this.#reader.clear();
    this.#ended = false;
  }

  /** Receives nothing more from this peer; its socket is about to be closed. */
  detach(): void {
    this.#socket = null;
    this.#ended = true;
  }

  /** The socket is not read any more: the peer closed, the connection broke, or framing is lost. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Puts up to `count` frames into `netbufs[0…]`, one system call at most, and says how many. The
   * caller owns the netbufs. A frame for which the pool has no netbuf waits.
   */
  burst(netbufs: Netbuf[], count: number): number {
    const reader = this.#reader;
    let received = 0;
    let mayReceive = true;
    this.status = 0;
    while (received < count) {
      const length = this.#nextFrame();
      if (length === NO_FRAME) {
        if (!mayReceive || !this.#receive()) break;
        mayReceive = false;
        continue;
      }
      if (length < ETHERNET_HEADER_BYTES) {
        this.drops.rx_too_short++;
        reader.consume(length);
        continue;
      }
      const netbuf = this.#pool.alloc();
      if (netbuf === null) {
        this.underruns++;
        this.status = NETDEV_STATUS_UNDERRUN;
        break;
      }
      if (this.#fill(netbuf, length)) netbufs[received++] = netbuf;
      reader.consume(length);
    }
    this.packets += received;
    if (this.#nextFrame() !== NO_FRAME) this.status |= NETDEV_STATUS_MORE;
    return received;
  }

  /** A copy of what was received and not handed up, for the next queue of the socket. */
  rest(): Uint8Array {
    return this.#reader.rest();
  }

  /** Whether a whole frame is buffered, after a look into the socket when none was. */
  frameWaits(): boolean {
    if (this.#nextFrame() !== NO_FRAME) return true;
    return this.#receive() && this.#nextFrame() !== NO_FRAME;
  }

  #nextFrame(): number {
    const length = this.#reader.next();
    if (length !== FRAMING_LOST) return length;
    if (!this.#ended) {
      this.drops.rx_framing_lost++;
      this.#end(new NetdevError("EIO", "what the peer sends is not QEMU's stream framing"));
    }
    return NO_FRAME;
  }

  /** Reads on; false when nothing came. Only at NO_FRAME, as the reader wants it. */
  #receive(): boolean {
    if (this.#ended || this.#socket === null) return false;
    try {
      const received = this.#reader.receive(this.#socket);
      if (received === 0) this.#end(new NetdevError("ENODEV", "the peer closed the connection"));
      return received > 0;
    } catch (cause) {
      this.#end(new NetdevError("ENODEV", "the connection to the peer broke", { cause }));
      return false;
    }
  }

  #fill(netbuf: Netbuf, length: number): boolean {
    if (length > netbuf.tailroom) {
      netbuf.free();
      this.drops.rx_too_long++;
      return false;
    }
    const from = this.#reader.offset;
    this.#region.u8.copyWithin(netbuf.data, from, from + length);
    netbuf.length = length;
    this.bytes += length;
    return true;
  }

  #end(reason: NetdevError): void {
    this.#ended = true;
    this.#onEnd(reason);
  }
}
