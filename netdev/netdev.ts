import type { NetdevEinfo, NetdevEinfoType } from "./einfo.ts";
import type { Netbuf } from "./netbuf.ts";
import type { NetDevice } from "./net_device.ts";
import type { NetbufPool, NetbufPoolOptions } from "./netbuf_pool.ts";
import {
  checkBuffers,
  checkDescriptors,
  checkHwaddr,
  checkMtu,
  checkQueue,
  checkQueueCount,
  checkSetUp,
  checkState,
  checkUnconfigured,
} from "./netdev_checks.ts";
import type { NetdevDetails } from "./netdev_details.ts";
import type { NetdevOps } from "./netdev_driver.ts";
import { NetdevError } from "./netdev_error.ts";
import { type NetdevStats, netdevStats } from "./netdev_stats.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
  type NetdevConf,
  type NetdevInfo,
  type NetdevQueueInfo,
  type NetdevRxqConf,
  NetdevState,
} from "./netdev_types.ts";

/**
 * A network device, as its user sees it: uk_netdev's calls, each legal in its states. A call in
 * another state, or with a value that cannot be, throws a {@link NetdevError}.
 *
 * ```text
 * register ─> UNPROBED ─probe─> UNCONFIGURED ─configure─> CONFIGURED ─start─> RUNNING
 *                                    ^                    rxqConfigure           |
 *                                    |                    txqConfigure           |
 *                                    |                         ^                 |
 *                                    +<────────reset───────────+<──────stop──────+
 * reset: from RUNNING too, by way of stop
 * close: from any of them to INVALID
 * ```
 *
 * A device can go away at any time. The calls that would have to speak to it (probe, start) throw
 * `NetdevError("ENODEV")` then, bursts find nothing, and stop, reset and close leave nothing behind.
 *
 * `NetdevRegistry.drvRegister()` makes one.
 */
export class Netdev {
  /** Registration number, from 0. */
  readonly id: number;
  readonly #device: NetDevice;
  readonly #ops: NetdevOps;
  readonly #einfo: NetdevEinfo;
  #state: NetdevState;
  #rxqs: boolean[] = [];
  #txqs: boolean[] = [];

  /** For the registry: drivers come to a Netdev by `NetdevRegistry.drvRegister()`. */
  constructor(id: number, device: NetDevice, ops: NetdevOps, einfo: NetdevEinfo) {
    this.id = id;
    this.#device = device;
    this.#ops = ops;
    this.#einfo = einfo;
    this.#state = ops.probe === undefined ? NetdevState.UNCONFIGURED : NetdevState.UNPROBED;
  }

  /** The name that it was registered under. */
  get name(): string {
    return this.#device.name;
  }

  /** Name of its driver. */
  get driverName(): string {
    return this.#device.driverName;
  }

  /** Where in its life it is. */
  get state(): NetdevState {
    return this.#state;
  }

  /** Lets the driver look at the hardware. UNPROBED → UNCONFIGURED; a failure leaves the state. */
  probe(): void {
    this.#need("probe", NetdevState.UNPROBED, NetdevState.UNPROBED);
    this.#ops.probe?.();
    this.#state = NetdevState.UNCONFIGURED;
  }

  /** What the device is able to do, and what it is. From UNCONFIGURED on. */
  infoGet(): NetdevInfo {
    this.#need("infoGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    const { type, hardHeaderLength, broadcast, flags, txQueueLength } = this.#device;
    const { realRxQueues, realTxQueues, minMtu, maxMtu } = this.#device;
    return {
      ...this.#ops.infoGet(),
      type,
      hardHeaderLength,
      broadcast: broadcast.slice(),
      flags,
      txQueueLength,
      maxRxQueues: realRxQueues,
      maxTxQueues: realTxQueues,
      minMtu,
      maxMtu,
    };
  }

  /**
   * What the device was given beside its hardware, as text: by the command line, or else by whatever
   * its driver asks; null when by neither. An address that came as a CIDR is not told as address and
   * mask too. From UNCONFIGURED on.
   */
  einfoGet(type: NetdevEinfoType): string | null {
    this.#need("einfoGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    const isPart = type === "IPV4_ADDR" || type === "IPV4_MASK";
    if (isPart && this.#einfoOf("IPV4_CIDR") !== null) return null;
    return this.#einfoOf(type);
  }

  /** The descriptors a receive queue may have. From UNCONFIGURED on. */
  rxqInfoGet(queueId: number): NetdevQueueInfo {
    this.#need("rxqInfoGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    checkQueue("receive", queueId, this.#device.realRxQueues);
    return this.#ops.rxqInfoGet(queueId);
  }

  /** The descriptors a transmit queue may have. From UNCONFIGURED on. */
  txqInfoGet(queueId: number): NetdevQueueInfo {
    this.#need("txqInfoGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    checkQueue("transmit", queueId, this.#device.realTxQueues);
    return this.#ops.txqInfoGet(queueId);
  }

  /** Settles the number of queues. UNCONFIGURED → CONFIGURED. */
  configure(conf: NetdevConf): void {
    this.#need("configure", NetdevState.UNCONFIGURED, NetdevState.UNCONFIGURED);
    checkQueueCount("receive", conf.rxQueues, this.#device.realRxQueues);
    checkQueueCount("transmit", conf.txQueues, this.#device.realTxQueues);
    this.#ops.configure(conf);
    this.#rxqs = new Array<boolean>(conf.rxQueues).fill(false);
    this.#txqs = new Array<boolean>(conf.txQueues).fill(false);
    this.#state = NetdevState.CONFIGURED;
  }

  /** Makes a pool of netbufs in memory that the device reaches. In CONFIGURED. */
  poolCreate(options: NetbufPoolOptions): NetbufPool {
    this.#need("poolCreate", NetdevState.CONFIGURED, NetdevState.CONFIGURED);
    return this.#ops.poolCreate(options);
  }

  /**
   * Sets up a receive queue of `descriptors`, 0 for the driver's default. In CONFIGURED, once a queue;
   * `NetdevError("EBUSY")` the second time, `NetdevError("EINVAL")` for a pool of smaller netbufs
   * than the device's `minRxBufferBytes`.
   */
  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    this.#need("rxqConfigure", NetdevState.CONFIGURED, NetdevState.CONFIGURED);
    checkUnconfigured("receive", queueId, this.#rxqs);
    checkDescriptors(descriptors, this.#ops.rxqInfoGet(queueId));
    checkBuffers(conf.pool, this.#ops.infoGet().minRxBufferBytes);
    this.#ops.rxqConfigure(queueId, descriptors, conf);
    this.#rxqs[queueId] = true;
  }

  /** Sets up a transmit queue, as {@link Netdev.rxqConfigure} does a receive queue. */
  txqConfigure(queueId: number, descriptors: number): void {
    this.#need("txqConfigure", NetdevState.CONFIGURED, NetdevState.CONFIGURED);
    checkUnconfigured("transmit", queueId, this.#txqs);
    checkDescriptors(descriptors, this.#ops.txqInfoGet(queueId));
    this.#ops.txqConfigure(queueId, descriptors);
    this.#txqs[queueId] = true;
  }

  /**
   * Lets packets flow, with interrupts off. CONFIGURED → RUNNING. `NetdevError("EINVAL")` while a
   * queue is not set up, `NetdevError("ENODEV")` when the device is gone, `NetdevError("EIO")` when it
   * is not what it was before it was stopped.
   */
  start(): void {
    this.#need("start", NetdevState.CONFIGURED, NetdevState.CONFIGURED);
    checkSetUp("receive", this.#rxqs);
    checkSetUp("transmit", this.#txqs);
    this.#ops.start();
    this.#state = NetdevState.RUNNING;
  }

  /**
   * Quiets the device, with interrupts off and every buffer that the driver held back in its pool.
   * Queues stay set up and counters go on, so {@link Netdev.start} makes it run again, and also brings
   * back a device that broke or asked for a reset. RUNNING → CONFIGURED, even when the driver fails:
   * it has taken the device's access to memory away then.
   */
  stop(): void {
    this.#need("stop", NetdevState.RUNNING, NetdevState.RUNNING);
    this.#state = NetdevState.CONFIGURED;
    this.#ops.stop();
  }

  /**
   * Forgets queues and pools, to configure the device anew; counters begin again. CONFIGURED or
   * RUNNING → UNCONFIGURED. A pool hands out nothing any more, and its memory goes back as soon as
   * its last netbuf is freed, so that nobody's packet is overwritten.
   */
  reset(): void {
    this.#need("reset", NetdevState.CONFIGURED, NetdevState.RUNNING);
    if (this.#state === NetdevState.RUNNING) this.stop();
    this.#ops.unconfigure();
    this.#rxqs = [];
    this.#txqs = [];
    this.#state = NetdevState.UNCONFIGURED;
  }

  /**
   * Quiets the device, gives every buffer back to its pool, and the memory of queues and pools as
   * {@link Netdev.reset} does. Any state → INVALID; idempotent.
   */
  close(): void {
    if (this.#state === NetdevState.INVALID) return;
    this.#state = NetdevState.INVALID;
    this.#ops.close();
  }

  /** A copy of the MAC address. In CONFIGURED and RUNNING; `NetdevError("ENOTSUP")` without one. */
  hwaddrGet(): Uint8Array {
    this.#need("hwaddrGet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    if (this.#ops.hwaddrGet === undefined) throw this.#unsupported("hwaddrGet");
    return this.#ops.hwaddrGet().slice();
  }

  /** Gives the device another MAC address of 6 bytes, no group address and not all zero. */
  hwaddrSet(address: Uint8Array): void {
    this.#need("hwaddrSet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    checkHwaddr(address);
    if (this.#ops.hwaddrSet === undefined) throw this.#unsupported("hwaddrSet");
    this.#ops.hwaddrSet(address);
  }

  /** Largest IP packet to send, in bytes. In CONFIGURED and RUNNING. */
  mtuGet(): number {
    this.#need("mtuGet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    return this.#device.mtu;
  }

  /** Sets the MTU, within the limits of the device. `NetdevError("ENOTSUP")` when the driver cannot. */
  mtuSet(mtu: number): void {
    this.#need("mtuSet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    checkMtu(mtu, this.#device.minMtu, this.#device.maxMtu);
    if (this.#ops.mtuSet === undefined) throw this.#unsupported("mtuSet");
    this.#ops.mtuSet(mtu);
    this.#device.mtu = mtu;
  }

  /** Whether frames for other hosts are received. In CONFIGURED and RUNNING. */
  promiscuousGet(): boolean {
    this.#need("promiscuousGet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    return this.#ops.promiscuousGet();
  }

  /** Turns that on or off. `NetdevError("ENOTSUP")` when the driver cannot. */
  promiscuousSet(on: boolean): void {
    this.#need("promiscuousSet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    if (this.#ops.promiscuousSet === undefined) throw this.#unsupported("promiscuousSet");
    this.#ops.promiscuousSet(on);
  }

  /** Whether the link is up, as far as the driver can tell. In CONFIGURED and RUNNING. */
  linkGet(): boolean {
    this.#need("linkGet", NetdevState.CONFIGURED, NetdevState.RUNNING);
    return this.#ops.linkGet?.() ?? true;
  }

  /**
   * Arms the interrupt of a receive queue. 0: armed. 1: packets already wait and it is still off;
   * poll again instead of sleeping. (uk_netdev would then arm by itself once the queue is drained;
   * here the caller asks again.) In RUNNING; `NetdevError("ENOTSUP")` without interrupts.
   */
  rxqIntrEnable(queueId: number): 0 | 1 {
    this.#needRxq("rxqIntrEnable", queueId);
    if (this.#ops.rxqIntrEnable === undefined) throw this.#unsupported("rxqIntrEnable");
    return this.#ops.rxqIntrEnable(queueId) ? 0 : 1;
  }

  /** Turns the interrupt of a receive queue off. */
  rxqIntrDisable(queueId: number): void {
    this.#needRxq("rxqIntrDisable", queueId);
    if (this.#ops.rxqIntrDisable === undefined) throw this.#unsupported("rxqIntrDisable");
    this.#ops.rxqIntrDisable(queueId);
  }

  /**
   * Receives up to `count` packets into `netbufs[0…]` and returns how many. The caller owns them.
   * The driver refills its ring from the queue's pool. In RUNNING.
   */
  rxBurst(queueId: number, netbufs: Netbuf[], count: number): number {
    this.#needRxq("rxBurst", queueId);
    return this.#ops.rxBurst(queueId, netbufs, count);
  }

  /**
   * Sends up to `count` packets of `netbufs[from…]` and returns how many were taken: the driver
   * owns those and frees them when the device is done. The rest stay the caller's. The device is
   * notified once. In RUNNING.
   */
  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    this.#needTxq("txBurst", queueId);
    return this.#ops.txBurst(queueId, netbufs, from, count);
  }

  /** Frees what the device has sent; returns how many one-piece packets `txBurst` takes now. */
  txqReclaim(queueId: number): number {
    this.#needTxq("txqReclaim", queueId);
    return this.#ops.txqReclaim(queueId);
  }

  /** Receives one packet into `netbufs[0]` and returns status bits: SUCCESS, MORE, UNDERRUN. */
  rxOne(queueId: number, netbufs: Netbuf[]): number {
    const received = this.rxBurst(queueId, netbufs, 1);
    const status = this.#ops.rxqStatus(queueId);
    if (received === 0) return status & NETDEV_STATUS_UNDERRUN;
    return NETDEV_STATUS_SUCCESS | status;
  }

  /**
   * Sends `netbufs[0]` and returns status bits: SUCCESS, and MORE when there is room for another.
   * Without SUCCESS there was no room and the caller still owns the packet.
   */
  txOne(queueId: number, netbufs: Netbuf[]): number {
    if (this.txBurst(queueId, netbufs, 0, 1) === 0) return 0;
    const room = this.#ops.txqReclaim(queueId) > 0;
    return room ? NETDEV_STATUS_SUCCESS | NETDEV_STATUS_MORE : NETDEV_STATUS_SUCCESS;
  }

  /**
   * Has the driver look after its device; when it wants to again, in whole milliseconds, or Infinity.
   * To be called by the loop, like any ticker; in another state than RUNNING nothing is done.
   */
  watchdog(now: number): number {
    if (this.#state !== NetdevState.RUNNING) return Infinity;
    return this.#ops.watchdog?.(now) ?? Infinity;
  }

  /** The counters of the driver with their totals, as a snapshot. From UNCONFIGURED on. */
  statsGet(): NetdevStats {
    this.#need("statsGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    return netdevStats(this.#ops.statsGet());
  }

  /** What else the driver knows of its device; null when nothing. From UNCONFIGURED on. */
  detailsGet(): NetdevDetails | null {
    this.#need("detailsGet", NetdevState.UNCONFIGURED, NetdevState.RUNNING);
    return this.#ops.detailsGet?.() ?? null;
  }

  #einfoOf(type: NetdevEinfoType): string | null {
    return this.#einfo[type] ?? this.#ops.einfoGet?.(type) ?? null;
  }

  #need(call: string, from: NetdevState, to: NetdevState): void {
    checkState(call, this.#state, from, to);
  }

  #needRxq(call: string, queueId: number): void {
    if (this.#state === NetdevState.RUNNING && this.#rxqs[queueId] === true) return;
    this.#need(call, NetdevState.RUNNING, NetdevState.RUNNING);
    checkQueue("receive", queueId, this.#rxqs.length);
  }

  #needTxq(call: string, queueId: number): void {
    if (this.#state === NetdevState.RUNNING && this.#txqs[queueId] === true) return;
    this.#need(call, NetdevState.RUNNING, NetdevState.RUNNING);
    checkQueue("transmit", queueId, this.#txqs.length);
  }

  #unsupported(call: string): NetdevError {
    return new NetdevError("ENOTSUP", `${call}: driver ${this.driverName} cannot do this`);
  }
}
