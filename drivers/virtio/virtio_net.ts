import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import type {
  NetdevInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
  NetdevStats,
} from "../../netdev/netdev_types.ts";
import { type FeatureSet, featureSet, hasFeature } from "./features.ts";
import { SplitVirtqueue } from "./split_virtqueue.ts";
import type { VirtioDriver } from "./virtio_bus.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { readLink, readMtu } from "./virtio_net_config.ts";
import { virtioNetDetails } from "./virtio_net_details.ts";
import {
  ETHERNET_HEADER_BYTES,
  VIRTIO_NET_HDR_BYTES,
  VLAN_TAG_BYTES,
} from "./virtio_net_header.ts";
import { readIdentity, renegotiate, type VirtioNetIdentity } from "./virtio_net_identity.ts";
import { VirtioNetRx } from "./virtio_net_rx.ts";
import { VirtioNetTx } from "./virtio_net_tx.ts";

/** Virtio device type of a network card (virtio 1.2 §5.1.1). */
const VIRTIO_DEVICE_TYPE_NET = 1;

/** Virtqueues of the first pair (§5.1.2). */
const RECEIVEQ = 0;
const TRANSMITQ = 1;
const QUEUES = 2;

/** What the driver makes use of, where it's offered. */
const WANTED = featureSet(
  "VIRTIO_NET_F_MTU",
  "VIRTIO_NET_F_MAC",
  "VIRTIO_NET_F_MRG_RXBUF",
  "VIRTIO_NET_F_STATUS",
  "VIRTIO_F_EVENT_IDX",
  "VIRTIO_F_VERSION_1",
);

/** Ethernet's MTU: in force where the device tells none. */
const ETHERNET_MTU = 1500;
/** The MTU that "jumbo frames" have by custom: the most that is made use of. */
const JUMBO_MTU = 9000;

/** Called with the device when there's something to tell that no call asked for. */
export interface VirtioNetEvents {
  /** The link went up or down. */
  readonly onLink?: (up: boolean) => void;
  /**
   * The device can't go on until it's stopped and started again; one line says why. Once for each
   * start, perhaps from within a burst, where neither of the two may be called.
   */
  readonly onFailure?: (reason: string) => void;
}

/** The driver of virtio network cards. Each device that it takes up is registered as a netdev. */
export function virtioNetDriver(
  registry: NetdevRegistry,
  onDevice?: (driver: VirtioNet) => void,
  events: VirtioNetEvents = {},
): VirtioDriver {
  return {
    name: "virtio-net",
    deviceType: VIRTIO_DEVICE_TYPE_NET,
    probe: (device) => {
      const driver = new VirtioNet(device, events);
      registry.drvRegister(driver, "virtio-net");
      onDevice?.(driver);
    },
  };
}

/** A virtio network card (virtio 1.2 §5.1) as a netdev, with one pair of queues. */
export class VirtioNet implements NetdevOps {
  readonly #device: VirtioDevice;
  readonly #events: VirtioNetEvents;
  #offered: FeatureSet = 0n;
  #identity: VirtioNetIdentity = {
    features: 0n,
    mac: new Uint8Array(6),
    mtu: null,
    queueSizes: [],
  };
  #mtu = 0;
  #linkUp = false;
  #rx: VirtioNetRx | null = null;
  #tx: VirtioNetTx | null = null;
  #configInterrupts = 0;
  /** What to call for each pool when it goes: it gives the pool's memory back. */
  readonly #retirePools: (() => void)[] = [];
  /** {@link VirtioNetEvents.onFailure} was called since the last start. */
  #failed = false;
  /** Why there's nothing to be had of the device any more: it's gone, or could not be reset. */
  #lost: NetdevError | null = null;

  constructor(device: VirtioDevice, events: VirtioNetEvents) {
    this.#device = device;
    this.#events = events;
  }

  /** Where the device sits. */
  get location(): string {
    return this.#device.transport.name;
  }

  /** What was negotiated. */
  get features(): FeatureSet {
    return this.#identity.features;
  }

  probe(): void {
    // A device that has failed must be reset before it's tried again (§2.1.1).
    if (this.#device.failed) {
      this.#device.reset();
      this.#device.acknowledge();
    }
    this.#step(() => this.#negotiate());
  }

  infoGet(): NetdevInfo {
    return {
      maxRxQueues: 1,
      maxTxQueues: 1,
      maxMtu: this.#mtu,
      encapTx: VIRTIO_NET_HDR_BYTES,
      encapRx: VIRTIO_NET_HDR_BYTES,
      minRxBufferBytes: this.#minRxBufferBytes(),
      rxqInterrupts: true,
    };
  }

  rxqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.#queueInfo(RECEIVEQ);
  }

  txqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.#queueInfo(TRANSMITQ);
  }

  /** Nothing is to be said to the device: it has no more than one pair of queues. */
  configure(): void {}

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    const { dma } = this.#device.transport;
    const offset = dma.alloc(netbufPoolBytes(options), 64);
    try {
      const pool = new NetbufPool(dma.region, offset, options);
      this.#retirePools.push(() => pool.retire(() => dma.free(offset)));
      return pool;
    } catch (error) {
      dma.free(offset);
      throw error;
    }
  }

  rxqConfigure(_queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    const mergeable = hasFeature(this.features, "VIRTIO_NET_F_MRG_RXBUF");
    const vq = this.#createVirtqueue(RECEIVEQ, descriptors);
    this.#rx = new VirtioNetRx(vq, conf.pool, mergeable, conf.onEvent);
  }

  txqConfigure(_queueId: number, descriptors: number): void {
    this.#tx = new VirtioNetTx(this.#createVirtqueue(TRANSMITQ, descriptors), this.#mtu);
  }

  start(): void {
    this.#failed = false;
    try {
      this.#step(() => {
        if (!this.#device.negotiated) this.#negotiateAgain();
        this.#goLive();
      });
    } catch (error) {
      this.#takeBack();
      throw error;
    }
  }

  /**
   * Resets the device, as the buffers of a live queue are not to be taken from it (virtio 1.2 §3.3.1).
   * `VirtioError` when it doesn't reset; it's given up then.
   */
  stop(): void {
    try {
      if (this.#lost === null) this.#device.reset();
    } catch (error) {
      const gone = !this.#device.transport.present();
      this.#lost = this.#loss(gone ? "is gone" : "did not reset, and was given up", error);
      // A device that won't be reset must at least lose its access to memory.
      this.#device.transport.shutdown();
      if (!gone) throw error;
    } finally {
      // One that is reset owns no buffers any more (§2.4.1).
      this.#takeBack();
    }
  }

  unconfigure(): void {
    this.#rx?.vq.release();
    this.#tx?.vq.release();
    this.#rx = null;
    this.#tx = null;
    for (const retire of this.#retirePools.splice(0)) retire();
  }

  close(): void {
    try {
      this.stop();
    } finally {
      this.#device.transport.shutdown();
      this.unconfigure();
    }
  }

  hwaddrGet(): Uint8Array {
    return this.#identity.mac;
  }

  mtuGet(): number {
    return this.#mtu;
  }

  /** Without a control queue nothing tells the device to filter, so it may pass on what it likes. */
  promiscuousGet(): boolean {
    return true;
  }

  linkGet(): boolean {
    return this.#linkUp;
  }

  rxqIntrEnable(_queueId: number): boolean {
    return this.#rxQueue().arm();
  }

  rxqIntrDisable(_queueId: number): void {
    this.#rxQueue().vq.disableInterrupts();
  }

  rxBurst(_queueId: number, netbufs: Netbuf[], count: number): number {
    const rx = this.#rxQueue();
    const received = rx.burst(netbufs, count);
    if (rx.vq.broken) this.#broken("receive");
    return received;
  }

  rxqStatus(_queueId: number): number {
    return this.#rxQueue().status;
  }

  txBurst(_queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    const tx = this.#txQueue();
    const taken = tx.burst(netbufs, from, count);
    if (tx.vq.broken) this.#broken("transmit");
    return taken;
  }

  txqReclaim(_queueId: number): number {
    const tx = this.#txQueue();
    const free = tx.reclaim();
    if (tx.vq.broken) this.#broken("transmit");
    return free;
  }

  statsGet(): NetdevStats {
    const rx = this.#rx;
    const tx = this.#tx;
    return {
      rxPackets: rx?.packets ?? 0,
      rxBytes: rx?.bytes ?? 0,
      txPackets: tx?.packets ?? 0,
      txBytes: tx?.bytes ?? 0,
      interrupts: (rx?.interrupts ?? 0) + this.#configInterrupts,
      kicks: (rx?.kicks ?? 0) + (tx?.kicks ?? 0),
      kicksSuppressed: (rx?.kicksSuppressed ?? 0) + (tx?.kicksSuppressed ?? 0),
      rxUnderruns: rx?.underruns ?? 0,
      drops: {
        rx_bad_length: rx?.badLength ?? 0,
        rx_bad_buffer_count: rx?.badBufferCount ?? 0,
        tx_bad_length: tx?.badLength ?? 0,
        tx_bad_headroom: tx?.badHeadroom ?? 0,
      },
    };
  }

  detailsGet(): NetdevDetails {
    const [rx, tx] = [this.#rx, this.#tx];
    return virtioNetDetails(this.#device.transport, {
      offered: this.#offered,
      negotiated: this.features,
      rxRings: rx === null ? [] : [rx.vq.size],
      txRings: tx === null ? [] : [tx.vq.size],
    });
  }

  /**
   * Runs a step of initialisation. A device that it goes wrong with is told so (§3.1.1); one that's
   * gone is `NetdevError("ENODEV")`.
   */
  #step(step: () => void): void {
    if (this.#lost !== null) throw this.#lost;
    let cause: unknown;
    let failed = false;
    try {
      step();
    } catch (error) {
      failed = true;
      cause = error;
    }
    // All ones look like a device that agrees to everything, so it's asked in any case.
    if (!this.#device.transport.present()) throw this.#lost = this.#loss("is gone", cause);
    if (!failed) return;
    this.#device.fail();
    throw cause;
  }

  #loss(what: string, cause: unknown): NetdevError {
    return new NetdevError("ENODEV", `${this.location} ${what}`, { cause });
  }

  /** No interrupt gets through, and all netbufs of the rings go back to their pools. */
  #takeBack(): void {
    this.#device.transport.interruptsDisconnect();
    this.#rx?.stop();
    this.#tx?.stop();
  }

  /** Nothing is read twice that is acted upon: the device could answer otherwise. */
  #negotiate(): void {
    const device = this.#device;
    const offered = device.offeredFeatures();
    this.#offered = offered;
    this.#demand(offered, "VIRTIO_F_VERSION_1", "only the legacy interface");
    this.#demand(offered, "VIRTIO_NET_F_MAC", "no MAC address");
    const mtu = readMtu(device, offered);
    const wanted = mtu === null ? WANTED & ~featureSet("VIRTIO_NET_F_MTU") : WANTED;
    const features = device.negotiate(wanted);
    this.#identity = readIdentity(device, features, mtu, QUEUES);
    this.#mtu = Math.min(mtu ?? ETHERNET_MTU, JUMBO_MTU);
    this.#linkUp = readLink(device, features);
  }

  /** The device was reset since, or has to be. */
  #negotiateAgain(): void {
    renegotiate(this.#device, this.#identity);
    this.#checkLink();
  }

  #goLive(): void {
    const { transport } = this.#device;
    const rx = this.#rxQueue();
    const tx = this.#txQueue();
    transport.interruptsConnect(() => this.#configChanged(), [() => this.#received(), null]);
    const rxDoorbell = transport.queueEnable(RECEIVEQ, rx.vq.addresses);
    const txDoorbell = transport.queueEnable(TRANSMITQ, tx.vq.addresses);
    rx.vq.disableInterrupts();
    rx.fill();
    tx.start(txDoorbell);
    this.#device.driverOk();
    // Only now may the device be notified (virtio 1.2 §3.1.1).
    rx.kick(rxDoorbell);
  }

  /**
   * A frame whose first buffer doesn't hold its Ethernet header is none. Without mergeable buffers
   * each has to take a frame of the MTU, tagged or not (§5.1.4.2, §5.1.6.3.1).
   */
  #minRxBufferBytes(): number {
    if (hasFeature(this.#identity.features, "VIRTIO_NET_F_MRG_RXBUF")) return ETHERNET_HEADER_BYTES;
    return ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + this.#mtu;
  }

  #queueInfo(index: number): NetdevQueueInfo {
    const maxDescriptors = this.#identity.queueSizes[index];
    return { minDescriptors: 2, maxDescriptors, powerOfTwo: true };
  }

  #createVirtqueue(index: number, descriptors: number): SplitVirtqueue<Netbuf> {
    const { dma } = this.#device.transport;
    const max = this.#identity.queueSizes[index];
    if (max < 2 || max > 32768 || (max & (max - 1)) !== 0) {
      throw new NetdevError("EIO", `${this.location} offers queue ${index} with size ${max}`);
    }
    const eventIndex = hasFeature(this.features, "VIRTIO_F_EVENT_IDX");
    return new SplitVirtqueue<Netbuf>(dma, descriptors === 0 ? max : descriptors, eventIndex);
  }

  /** Throws unless a feature that the driver can't do without is on offer. */
  #demand(
    offered: FeatureSet,
    name: "VIRTIO_F_VERSION_1" | "VIRTIO_NET_F_MAC",
    instead: string,
  ): void {
    if (hasFeature(offered, name)) return;
    throw new NetdevError("ENOTSUP", `${this.location} offers ${instead}: ${name} is needed`);
  }

  #received(): void {
    const rx = this.#rxQueue();
    rx.interrupts++;
    rx.onEvent?.(0);
  }

  /** Runs on the event loop, as every interrupt handler does, so it may read registers. */
  #configChanged(): void {
    this.#configInterrupts++;
    if (!this.#device.transport.present()) return this.#fail("is gone");
    if (this.#device.needsReset()) this.#fail("asks for a reset");
    this.#checkLink();
  }

  #checkLink(): void {
    const up = readLink(this.#device, this.features);
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    this.#events.onLink?.(up);
  }

  #broken(queue: string): void {
    this.#fail(`broke the ${queue} queue: its used ring is nonsense`);
  }

  #fail(what: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.onFailure?.(`${this.location} ${what}`);
  }

  #rxQueue(): VirtioNetRx {
    if (this.#rx === null) throw new NetdevError("EINVAL", "the receive queue is not set up");
    return this.#rx;
  }

  #txQueue(): VirtioNetTx {
    if (this.#tx === null) throw new NetdevError("EINVAL", "the transmit queue is not set up");
    return this.#tx;
  }
}
