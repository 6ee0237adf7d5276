import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import type { NetDevice } from "../../netdev/net_device.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import type { NetdevRxqConf } from "../../netdev/netdev_types.ts";
import { type FdWaiter, POLLHUP } from "../ffi/fd_waiter.ts";
import type { UnixSocket } from "../ffi/unix_socket.ts";
import { ETHERNET_HEADER_BYTES } from "../plain/ethernet_header.ts";
import { OwnPool } from "../plain/own_pool.ts";
import { allocPlainDevice, PlainNetdev, QUEUE_FRAMES } from "../plain/plain_netdev.ts";
import type { UnsentBytes } from "./frame_writer.ts";
import { LENGTH_BYTES } from "./framing.ts";
import { RxQueue } from "./rx_queue.ts";
import { StreamRegion } from "./stream_region.ts";
import { TxQueue } from "./tx_queue.ts";

const DEFAULT_MTU = 1500;
/** The longest packet that IPv4 knows (RFC 791 §3.1). */
const MAX_MTU = 65535;

/** What a stream device is made of. */
export interface StreamNetdevOptions {
  /**
   * A connected socket whose peer speaks QEMU's stream framing, or null when a peer is yet to come
   * ({@link StreamNetdev.attach}). The device closes it.
   */
  readonly socket: UnixSocket | null;
  /** Tells of received data; it stays the caller's and must outlive the device. */
  readonly waiter: FdWaiter;
  /** The MAC address to answer for: 6 bytes, no group address, not all zero; copied. */
  readonly mac: Uint8Array;
  /** Largest IP packet, 68 to 65535 bytes; default 1500. Longer ones are not sent. */
  readonly mtu?: number;
  /** Bytes of the first frame's length that the peer has received already; default 0. */
  readonly headerSent?: number;
  /**
   * Called once for each peer, on the event loop, when the link to it is down for good: it closed
   * the connection or that broke (`ENODEV`), or what it sent is not this framing (`EIO`). Not after
   * `close()`.
   */
  readonly onGone?: (reason: NetdevError) => void;
}

/**
 * A netdev over one connected UNIX stream socket with QEMU's framing, as `qemu -netdev stream`
 * speaks it: a port of a QEMU hub, or a cable between two appliances.
 *
 * Frames are copied between netbufs and the buffers of the socket, with one system call a burst.
 * What the socket does not take stays in the send buffer until the next `txBurst` or `txqReclaim`;
 * what finds the pool dry stays in the receive buffer, and what comes after it in the socket, so
 * that the peer slows down and nothing is lost. When the peer is gone the device becomes quiet:
 * `linkGet` says false, nothing more arrives, and frames to send are dropped and counted.
 */
export class StreamNetdev extends PlainNetdev implements NetdevOps {
  /** What is registered. */
  readonly device: NetDevice<StreamNetdev>;
  #socket: UnixSocket | null;
  readonly #waiter: FdWaiter;
  readonly #pool: OwnPool<StreamRegion>;
  readonly #onGone: ((reason: NetdevError) => void) | undefined;
  /** Where the two streams stand while there are no queues. */
  #received: Uint8Array = new Uint8Array(0);
  #unsent: UnsentBytes;
  #rxq: RxQueue | null = null;
  #txq: TxQueue | null = null;
  #onEvent: ((queueId: number) => void) | undefined;
  #armed = false;
  #fault: NetdevError | null = null;
  #started = false;
  #closed = false;

  /** Takes over `options.socket`. `NetdevError("EINVAL")` for a bad MAC address or MTU. */
  constructor(options: StreamNetdevOptions) {
    const { socket, waiter, mac, mtu = DEFAULT_MTU, headerSent = 0, onGone } = options;
    super(mac);
    this.device = allocPlainDevice("stream", this, mtu, MAX_MTU);
    this.#socket = socket;
    this.#waiter = waiter;
    // The send buffer takes so many of the longest frames.
    const sendBytes = QUEUE_FRAMES * (LENGTH_BYTES + ETHERNET_HEADER_BYTES + mtu);
    this.#pool = new OwnPool("a stream device", (pool) => new StreamRegion(sendBytes, pool));
    this.#unsent = { unsent: new Uint8Array(0), alreadySent: headerSent };
    this.#onGone = onGone;
  }

  /** Why the link to the last peer is down for good, or null. */
  get fault(): NetdevError | null {
    return this.#fault;
  }

  /** Makes the one pool of the device. `NetdevError("EBUSY")` the second time. */
  poolCreate(options: NetbufPoolOptions): NetbufPool {
    return this.#pool.create(options);
  }

  /** `NetdevError("EINVAL")` when the pool is another device's. */
  rxqConfigure(_queueId: number, _descriptors: number, conf: NetdevRxqConf): void {
    const region = this.#pool.rxRegion(conf.pool);
    this.#rxq = new RxQueue(this.#socket, region, conf.pool, this.#received, (reason) => {
      this.#unwatch();
      this.#lose(reason);
    });
    this.#onEvent = conf.onEvent;
  }

  /** `NetdevError("EINVAL")` before `poolCreate`. */
  txqConfigure(_queueId: number, _descriptors: number): void {
    const region = this.#pool.txRegion();
    this.#txq = new TxQueue(this.#socket, region, this.#unsent, (reason) => {
      this.#lose(reason);
    });
  }

  /**
   * poll(2) goes on reporting what isn't read, so the waiter looks only while the queue is armed.
   * `NetdevError("ENODEV")` or `("EIO")` when the link is down for good.
   */
  start(): void {
    if (this.#fault !== null && this.#socket !== null) throw this.#fault;
    this.#started = true;
    this.#watch();
  }

  /**
   * Gives the device a peer, the first one or the next. `NetdevError("EBUSY")` while it has one, and
   * when it's closed; the socket is the caller's then, and otherwise the device's.
   */
  attach(socket: UnixSocket): void {
    if (this.linkGet() || this.#closed) {
      throw new NetdevError("EBUSY", "a stream device takes one peer at a time");
    }
    this.hangUp();
    this.#fault = null;
    this.#socket = socket;
    this.#received = new Uint8Array(0);
    this.#unsent = { unsent: new Uint8Array(0), alreadySent: 0 };
    this.#rxq?.attach(socket);
    this.#txq?.attach(socket);
    if (this.#started) this.#watch();
  }

  /** Closes the socket of a peer that is gone, or that lost the framing. */
  hangUp(): void {
    if (this.#fault === null) return;
    this.#unwatch();
    this.#rxq?.detach();
    this.#socket?.[Symbol.dispose]();
    this.#socket = null;
  }

  /**
   * Sends what still waits, as far as the socket takes it now. The socket stays open: what arrives
   * meanwhile waits in it, and what it did not take waits in the send buffer.
   */
  stop(): void {
    this.#txq?.flush();
    this.#started = false;
    this.#armed = false;
    this.#unwatch();
  }

  /** The place in both streams is kept: the peer must not find a frame cut off. */
  unconfigure(): void {
    if (this.#rxq !== null) this.#received = this.#rxq.rest();
    if (this.#txq !== null) this.#unsent = this.#txq.rest();
    this.#rxq = null;
    this.#txq = null;
    this.#pool.retire();
  }

  /** Sends what still waits, as far as the socket takes it now, and closes the socket. */
  close(): void {
    if (this.#closed) return;
    this.stop();
    this.#closed = true;
    this.unconfigure();
    this.#socket?.[Symbol.dispose]();
  }

  linkGet(): boolean {
    return this.#fault === null && this.#socket !== null;
  }

  rxqIntrEnable(_queueId: number): boolean {
    this.#armed = this.#rxq !== null && !this.#rxq.frameWaits();
    if (this.#armed && this.#socket !== null) this.#waiter.unmask(this.#socket.fd);
    return this.#armed;
  }

  rxqIntrDisable(_queueId: number): void {
    this.#disarm();
  }

  rxBurst(_queueId: number, netbufs: Netbuf[], count: number): number {
    return this.#rxq === null ? 0 : this.#rxq.burst(netbufs, count);
  }

  rxqStatus(_queueId: number): number {
    return this.#rxq === null ? 0 : this.#rxq.status;
  }

  txBurst(_queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    return this.#txq === null ? 0 : this.#txq.burst(netbufs, from, count, this.device.mtu);
  }

  txqReclaim(_queueId: number): number {
    if (this.#txq === null) return 0;
    this.#txq.flush();
    return this.#txq.room(this.device.mtu);
  }

  statsGet(): NetdevCounters {
    return {
      rxQueues: this.#rxq === null ? [] : [this.#rxq],
      txQueues: this.#txq === null ? [] : [this.#txq],
    };
  }

  /** There are no descriptors, no features and no interrupts: one descriptor is all there is. */
  detailsGet(): NetdevDetails {
    return {
      bus: "UNIX stream socket",
      rxRings: [],
      txRings: [],
      features: { offered: [], negotiated: [] },
      vectors: this.#socket === null
        ? []
        : [{ name: `file descriptor ${this.#socket.fd}`, use: "receive queue 0" }],
    };
  }

  /** There is data, or the peer hung up. */
  #onReady(events: number): void {
    const rxq = this.#rxq;
    if (rxq === null || !this.#armed) return;
    const hungUp = (events & POLLHUP) !== 0;
    // What the peer sent before it went is read by polls, which then find the end by themselves.
    if (hungUp) this.#unwatch();
    if (!rxq.frameWaits() && (rxq.ended || !hungUp)) return;
    this.#disarm();
    rxq.interrupts++;
    this.#onEvent?.(0);
  }

  #watch(): void {
    if (this.#socket === null) return;
    const { fd } = this.#socket;
    this.#waiter.add(fd, (events) => this.#onReady(events));
    if (!this.#armed) this.#waiter.mask(fd);
  }

  #unwatch(): void {
    if (this.#socket !== null) this.#waiter.remove(this.#socket.fd);
  }

  #disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    if (this.#socket !== null) this.#waiter.mask(this.#socket.fd);
  }

  /** The link is down for good. The owner is told after the round of polls that is under way. */
  #lose(reason: NetdevError): void {
    if (this.#fault !== null) return;
    this.#fault = reason;
    this.#txq?.end();
    queueMicrotask(() => {
      if (!this.#closed) this.#onGone?.(reason);
    });
  }
}
