import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import type { NetDevice } from "../../netdev/net_device.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import type { NetdevRxqConf } from "../../netdev/netdev_types.ts";
import { EBADFD, ErrnoError } from "../ffi/errno.ts";
import type { FdWaiter } from "../ffi/fd_waiter.ts";
import { OwnPool } from "../plain/own_pool.ts";
import { allocPlainDevice, PlainNetdev, QUEUE_FRAMES } from "../plain/plain_netdev.ts";
import { RxQueue } from "./rx_queue.ts";
import type { TapInterface } from "./tap_interface.ts";
import { TapRegion } from "./tap_region.ts";
import { TxQueue } from "./tx_queue.ts";

/** What a TAP device is made of. */
export interface TapNetdevOptions {
  /** The interface whose far end it is. The device closes it. */
  readonly tap: TapInterface;
  /** Tells of frames to read; it stays the caller's and must outlive the device. */
  readonly waiter: FdWaiter;
  /**
   * The MAC address to answer for: 6 bytes, no group address, not all zero; copied. Not the
   * interface's, which is that of Linux, our peer.
   */
  readonly mac: Uint8Array;
  /** Largest IP packet, 68 bytes or more; default, and at most, what the interface has. */
  readonly mtu?: number;
  /**
   * Called on the event loop when a frame to send has found the interface set down, and when one has
   * found it up again.
   */
  readonly onLink?: (up: boolean) => void;
  /**
   * Called once, on the event loop, when the link is down for good: the interface was deleted
   * (`ENODEV`), or reading from it failed (`EIO`). Not after `close()`.
   */
  readonly onGone?: (reason: NetdevError) => void;
}

/**
 * A netdev over the far end of a Linux TAP interface: Linux itself is the peer on the cable.
 *
 * A frame is one system call each way, readv(2) straight into a netbuf and writev(2) straight from
 * the netbufs of a chain. What finds the pool dry stays in the interface's queue. When the interface
 * is deleted the device becomes quiet: `linkGet` says false, nothing more arrives, and frames to
 * send are dropped and counted.
 */
export class TapNetdev extends PlainNetdev implements NetdevOps {
  /** What is registered. */
  readonly device: NetDevice<TapNetdev>;
  readonly #tap: TapInterface;
  readonly #waiter: FdWaiter;
  readonly #pool = new OwnPool("a TAP device", (options) => new TapRegion(options));
  readonly #onLink: ((up: boolean) => void) | undefined;
  readonly #onGone: ((reason: NetdevError) => void) | undefined;
  #rxq: RxQueue | null = null;
  #txq: TxQueue | null = null;
  #onEvent: ((queueId: number) => void) | undefined;
  #armed = false;
  #fault: NetdevError | null = null;
  #closed = false;

  /** Takes over `options.tap`. `NetdevError("EINVAL")` for a bad MAC address or MTU. */
  constructor(options: TapNetdevOptions) {
    const { tap, waiter, mac, onLink, onGone } = options;
    super(mac);
    this.device = allocPlainDevice("tap", this, Math.min(options.mtu ?? tap.mtu, tap.mtu), tap.mtu);
    this.#tap = tap;
    this.#waiter = waiter;
    this.#onLink = onLink;
    this.#onGone = onGone;
  }

  /** Why the link is down for good, or null. */
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
    this.#rxq = new RxQueue(this.#tap.fd, region, conf.pool, (errno) => this.#lose(errno));
    this.#onEvent = conf.onEvent;
  }

  /** `NetdevError("EINVAL")` before `poolCreate`. */
  txqConfigure(_queueId: number, _descriptors: number): void {
    const region = this.#pool.txRegion();
    this.#txq = new TxQueue(this.#tap.fd, region, {
      onEnd: (errno) => this.#lose(errno),
      // Its owner may want to send, which is no good in the middle of sending.
      onLink: (up) =>
        queueMicrotask(() => {
          if (!this.#closed) this.#onLink?.(up);
        }),
    });
  }

  /**
   * poll(2) goes on reporting what isn't read, so the waiter looks only while the queue is armed.
   * `NetdevError("ENODEV")` or `("EIO")` when the link is down for good.
   */
  start(): void {
    if (this.#fault !== null) throw this.#fault;
    this.#waiter.add(this.#tap.fd, () => this.#onReady());
    this.#waiter.mask(this.#tap.fd);
  }

  /** What Linux sends meanwhile waits in the interface's queue, as far as that is long. */
  stop(): void {
    this.#armed = false;
    this.#waiter.remove(this.#tap.fd);
  }

  unconfigure(): void {
    this.#rxq = null;
    this.#txq = null;
    this.#pool.retire();
  }

  /** Lets go of the interface; one that was made for the device goes away. */
  close(): void {
    if (this.#closed) return;
    this.stop();
    this.#closed = true;
    this.unconfigure();
    this.#tap[Symbol.dispose]();
  }

  /** Whether Linux has the interface set up, with a carrier. Asks Linux. */
  linkGet(): boolean {
    return !this.#closed && this.#fault === null && this.#tap.running;
  }

  rxqIntrEnable(_queueId: number): boolean {
    const rxq = this.#rxq;
    if (rxq === null || rxq.frameWaits()) return false;
    if (this.#fault !== null) return true;
    this.#armed = true;
    this.#waiter.unmask(this.#tap.fd);
    return true;
  }

  rxqIntrDisable(_queueId: number): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#waiter.mask(this.#tap.fd);
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

  /** There is no telling how many, as Linux keeps the queue: all of them, as long as it takes any. */
  txqReclaim(_queueId: number): number {
    return this.#txq !== null && this.#txq.hasRoom() ? QUEUE_FRAMES : 0;
  }

  statsGet(): NetdevCounters {
    return {
      rxQueues: this.#rxq === null ? [] : [this.#rxq],
      txQueues: this.#txq === null ? [] : [this.#txq],
    };
  }

  /** There are no descriptors, no features and no interrupts: one descriptor is all there is. */
  detailsGet(): NetdevDetails {
    const { name, fd } = this.#tap;
    return {
      bus: `interface ${name}`,
      rxRings: [],
      txRings: [],
      features: { offered: [], negotiated: [] },
      vectors: [{ name: `file descriptor ${fd}`, use: "receive queue 0" }],
    };
  }

  /** A frame is there, or the end, which the next poll of the queue finds by itself. */
  #onReady(): void {
    const rxq = this.#rxq;
    if (rxq === null || !this.#armed) return;
    this.#armed = false;
    this.#waiter.mask(this.#tap.fd);
    rxq.interrupts++;
    this.#onEvent?.(0);
  }

  /** The link is down for good. The owner is told after the round of polls that is under way. */
  #lose(errno: number): void {
    if (this.#fault !== null) return;
    const cause = new ErrnoError("read", errno);
    const { name } = this.#tap;
    const reason = errno === EBADFD
      ? new NetdevError("ENODEV", `interface ${name} was deleted`, { cause })
      : new NetdevError("EIO", `interface ${name} can't be read: ${cause.message}`, { cause });
    this.#fault = reason;
    this.#armed = false;
    this.#waiter.remove(this.#tap.fd);
    this.#rxq?.end();
    this.#txq?.end();
    queueMicrotask(() => {
      if (!this.#closed) this.#onGone?.(reason);
    });
  }
}
