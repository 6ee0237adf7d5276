import type { Clock } from "../../netdev/clock.ts";
import { DmaPools } from "../../netdev/dma_pools.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { allocEtherdev, type NetDevice } from "../../netdev/net_device.ts";
import { checkMtu } from "../../netdev/netdev_checks.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import type {
  NetdevDriverInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
} from "../../netdev/netdev_types.ts";
import {
  ACTION_CONFIGURE,
  ACTION_INDIVIDUAL_ADDRESS,
  ACTION_MULTICAST,
  carryOut,
  NO_MULTICASTS,
} from "./actions.ts";
import { CommandRing } from "./command_ring.ts";
import { configurationBytes } from "./configuration.ts";
import type { E100Bus } from "./e100_bus.ts";
import { E100Card, type E100Events } from "./e100_card.ts";
import { e100Details } from "./e100_details.ts";
import { STAT_ACK_NOT_OURS, STAT_ACK_NOT_PRESENT, STAT_ACK_RNR } from "./registers.ts";
import { E100_INFO, E100_RX_INFO, E100_TX_INFO } from "./e100_limits.ts";
import { E100Rx } from "./rx_queue.ts";
import { E100Tx } from "./tx_queue.ts";

/** How often the watchdog looks at link, counters and transmitter, in milliseconds. */
const LOOK_MS = 2000;

/** An Intel 8255x as a netdev: one queue each way, and the memory of these. */
export class E100Netdev implements NetdevOps {
  /** What is registered. */
  readonly device: NetDevice<E100Netdev> = allocEtherdev({ driverName: "e100", priv: this });
  readonly #card: E100Card;
  #rx: E100Rx | null = null;
  #tx: E100Tx | null = null;
  #mac: Uint8Array = new Uint8Array(6);
  #promiscuous = false;
  #live = false;
  #nextLook = -1;
  #txTimeouts = 0;
  readonly #pools = new DmaPools();

  /** `NetdevError("EINVAL")` for an MTU that Ethernet doesn't have. */
  constructor(bus: E100Bus, clock: Clock, events: E100Events = {}, mtu?: number) {
    const { device } = this;
    if (mtu !== undefined) {
      checkMtu(mtu, device.minMtu, device.maxMtu);
      device.mtu = mtu;
    }
    this.#card = new E100Card(bus, clock, events);
  }

  /** Where the card sits. */
  get location(): string {
    return this.#card.location;
  }

  probe(): void {
    this.#card.probe();
    this.#mac = this.#card.identity.eeprom.mac;
  }

  infoGet(): NetdevDriverInfo {
    return E100_INFO;
  }

  rxqInfoGet(_queueId: number): NetdevQueueInfo {
    return E100_RX_INFO;
  }

  txqInfoGet(_queueId: number): NetdevQueueInfo {
    return E100_TX_INFO;
  }

  /** Nothing is to be said to the card: it has no more than one queue each way. */
  configure(): void {}

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    return this.#pools.create(this.#card.bus.dma, options);
  }

  rxqConfigure(_queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    const { region } = this.#card.bus.dma;
    if (conf.pool.region !== region) {
      throw new NetdevError("EINVAL", "the pool of the receive queue is not this device's");
    }
    this.#rx = new E100Rx(
      region,
      descriptors || E100_RX_INFO.maxDescriptors,
      conf.pool,
      conf.onEvent,
    );
  }

  txqConfigure(_queueId: number, descriptors: number): void {
    const ring = new CommandRing<Netbuf>(
      this.#card.bus.dma,
      descriptors || E100_TX_INFO.maxDescriptors,
    );
    this.#tx = new E100Tx(ring);
  }

  start(): void {
    try {
      this.#card.start(() => this.#goLive());
    } catch (error) {
      this.#takeBack();
      throw error;
    }
    this.#live = true;
    this.#nextLook = -1;
  }

  stop(): void {
    try {
      this.#card.reset();
    } finally {
      this.#takeBack();
    }
  }

  unconfigure(): void {
    this.#tx?.ring.release();
    this.#rx = null;
    this.#tx = null;
    this.#pools.retire();
  }

  close(): void {
    try {
      this.stop();
    } finally {
      this.unconfigure();
      this.#card.release();
    }
  }

  hwaddrGet(): Uint8Array {
    return this.#mac;
  }

  hwaddrSet(address: Uint8Array): void {
    this.#mac = address.slice();
    if (this.#live) this.#tell(ACTION_INDIVIDUAL_ADDRESS, this.#mac, "its address");
  }

  /** Nothing to tell: it's for what is sent, and the card receives whole Ethernet frames in any case. */
  mtuSet(_mtu: number): void {}

  promiscuousGet(): boolean {
    return this.#promiscuous;
  }

  promiscuousSet(on: boolean): void {
    this.#promiscuous = on;
    if (this.#live) this.#tellConfiguration();
  }

  /** As of the last look: the watchdog's, or that of the probe. */
  linkGet(): boolean {
    return this.#card.linkUp;
  }

  rxqIntrEnable(_queueId: number): boolean {
    const rx = this.#rxQueue();
    const armed = rx.arm();
    if (rx.broken) this.#card.failStuck();
    return armed;
  }

  rxqIntrDisable(_queueId: number): void {
    const { scb } = this.#card;
    if (!scb.masked) scb.mask();
  }

  rxBurst(_queueId: number, netbufs: Netbuf[], count: number): number {
    const rx = this.#rxQueue();
    const received = rx.burst(netbufs, count);
    if (rx.broken) this.#card.failStuck();
    return received;
  }

  rxqStatus(_queueId: number): number {
    return this.#rxQueue().status;
  }

  txBurst(_queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    const tx = this.#txQueue();
    const taken = tx.burst(netbufs, from, count, this.device.mtu);
    if (tx.ring.broken) this.#card.failStuck();
    return taken;
  }

  txqReclaim(_queueId: number): number {
    return this.#txQueue().reclaim();
  }

  watchdog(now: number): number {
    if (this.#nextLook >= 0 && now < this.#nextLook) return this.#nextLook;
    const first = this.#nextLook < 0;
    this.#nextLook = now + LOOK_MS;
    if (first) return this.#nextLook;
    if (this.#card.look() && this.#txQueue().isStuck()) {
      this.#txTimeouts++;
      this.#card.fail(`has sent nothing for ${LOOK_MS / 1000} s`);
    }
    if (!this.#card.failed) this.#rx?.remind();
    // What is told of a failure here is not to wait for the next look.
    return this.#card.failed ? now : this.#nextLook;
  }

  statsGet(): NetdevCounters {
    return {
      rxQueues: this.#rx === null ? [] : [this.#rx],
      txQueues: this.#tx === null ? [] : [this.#tx],
    };
  }

  detailsGet(): NetdevDetails {
    if (this.#live) this.#card.refreshCounters();
    return e100Details(this.#card, this.#rx, this.#tx, this.#txTimeouts);
  }

  /** The commands of bring-up, in the order of the manual's §6.2; then the receive unit. */
  #goLive(): void {
    const { bus, scb } = this.#card;
    this.#txQueue().ring.start(scb);
    this.#tellConfiguration();
    this.#tell(ACTION_INDIVIDUAL_ADDRESS, this.#mac, "its address");
    this.#tell(ACTION_MULTICAST, NO_MULTICASTS, "its multicast addresses");
    bus.interruptConnect(() => this.#interrupt());
    const rx = this.#rxQueue();
    rx.start(scb);
    this.#card.demand(!rx.broken, "receive buffers");
  }

  /** No interrupt gets through, and all netbufs of the rings go back to their pools. */
  #takeBack(): void {
    this.#live = false;
    this.#card.bus.interruptDisconnect();
    this.#rx?.stop();
    this.#tx?.stop();
  }

  /**
   * Its interrupt, or that of another device on the same line. While it's masked it's another's. The
   * line stays asserted until all causes are acknowledged.
   */
  #interrupt(): boolean {
    const { scb } = this.#card;
    if (scb.masked) return false;
    const causes = scb.causes();
    if (causes === STAT_ACK_NOT_OURS) return false;
    if (causes === STAT_ACK_NOT_PRESENT) {
      if (!this.#card.bus.present()) this.#card.fail("is gone");
      return false;
    }
    scb.acknowledge(causes);
    scb.mask();
    const rx = this.#rxQueue();
    rx.interrupts++;
    if ((causes & STAT_ACK_RNR) !== 0) rx.suspect();
    rx.onEvent?.(0);
    return true;
  }

  #tellConfiguration(): void {
    const bytes = configurationBytes({ promiscuous: this.#promiscuous });
    this.#tell(ACTION_CONFIGURE, bytes, "its configuration");
  }

  /** `NetdevError("EIO")` when the card doesn't carry it out. */
  #tell(action: number, data: Uint8Array, what: string): void {
    const tx = this.#txQueue();
    const { scb, clock } = this.#card;
    tx.reclaim();
    if (carryOut(tx.ring, action, data, scb, clock)) return;
    throw new NetdevError("EIO", `${this.location} doesn't take ${what}`);
  }

  #rxQueue(): E100Rx {
    if (this.#rx === null) throw new NetdevError("EINVAL", "the receive queue is not set up");
    return this.#rx;
  }

  #txQueue(): E100Tx {
    if (this.#tx === null) throw new NetdevError("EINVAL", "the transmit queue is not set up");
    return this.#tx;
  }
}
