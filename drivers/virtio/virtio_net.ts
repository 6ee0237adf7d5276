import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes, type NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { allocEtherdev, type NetDevice } from "../../netdev/net_device.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import {
  NETDEV_F_PARTIAL_CSUM,
  NETDEV_F_RX_CSUM,
  type NetdevDriverInfo,
  type NetdevQueueInfo,
  type NetdevRxqConf,
} from "../../netdev/netdev_types.ts";
import { ControlQueue, controlQueueIndex } from "./control_queue.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import type { VirtioDriver } from "./virtio_bus.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { VirtioNetCard, type VirtioNetOptions } from "./virtio_net_card.ts";
import type { VirtioNetControl } from "./virtio_net_control.ts";
import { readChecksums } from "./virtio_net_checksum.ts";
import { virtioNetDetails } from "./virtio_net_details.ts";
import {
  ETHERNET_HEADER_BYTES,
  virtioNetHeaderBytes,
  VLAN_TAG_BYTES,
} from "./virtio_net_header.ts";
import { ringInfo } from "./virtio_net_ring.ts";
import { VirtioNetRx } from "./virtio_net_rx.ts";
import { VirtioNetTx } from "./virtio_net_tx.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Virtio device type of a network card (virtio 1.2 §5.1.1). */
const VIRTIO_DEVICE_TYPE_NET = 1;

/** How often the configuration of a device without interrupts is looked at, in milliseconds. */
const LOOK_MS = 2000;

/** Virtqueues of the first pair (§5.1.2). */
const RECEIVEQ = 0;
const TRANSMITQ = 1;
/** Behind it, where it's negotiated. */
const CONTROLQ = controlQueueIndex(1);

/** The driver of virtio network cards. Each device that it takes up is registered as a netdev. */
export function virtioNetDriver(
  registry: NetdevRegistry,
  onDevice?: (driver: VirtioNet, netdev: Netdev) => void,
  options: VirtioNetOptions = {},
): VirtioDriver {
  const netdevs = new Map<VirtioDevice, Netdev>();
  return {
    name: "virtio-net",
    deviceType: VIRTIO_DEVICE_TYPE_NET,
    probe: (device) => {
      const driver = new VirtioNet(device, options);
      const netdev = registry.drvRegister(driver.device);
      netdevs.set(device, netdev);
      onDevice?.(driver, netdev);
    },
    remove: (device) => {
      const netdev = netdevs.get(device);
      if (netdev === undefined) return;
      netdevs.delete(device);
      try {
        netdev.close();
      } finally {
        registry.drvUnregister(netdev);
      }
    },
  };
}

/**
 * A virtio network card (virtio 1.2 §5.1) as a netdev: its one pair of queues, and the memory of these.
 * What is agreed on with the card itself is {@link VirtioNetCard}'s.
 */
export class VirtioNet implements NetdevOps {
  /** What is registered. */
  readonly device: NetDevice<VirtioNet> = allocEtherdev({ driverName: "virtio-net", priv: this });
  readonly #card: VirtioNetCard;
  #rx: VirtioNetRx | null = null;
  #tx: VirtioNetTx | null = null;
  /** Whether packets may come with partial checksums. */
  #rxChecksums = false;
  /** For changes of the card's configuration. */
  #configInterrupts = 0;
  /** When the configuration of a device that is polled is to be looked at. */
  #nextLook = 0;
  /** What to call for each pool when it goes: it gives the pool's memory back. */
  readonly #retirePools: (() => void)[] = [];

  constructor(device: VirtioDevice, options: VirtioNetOptions) {
    this.#card = new VirtioNetCard(device, options);
  }

  /** Where the device sits. */
  get location(): string {
    return this.#card.location;
  }

  /** What was negotiated. */
  get features(): FeatureSet {
    return this.#card.identity.features;
  }

  /** What the device was told beside packets; {@link tell} changes it. */
  get control(): VirtioNetControl {
    return this.#card.control;
  }

  /**
   * Changes what no call of uk_netdev is for: receive modes, groups, VLANs, coalescing. Told again
   * after each reset. Throws as {@link VirtioNetControl} does.
   */
  tell(commands: (control: VirtioNetControl) => void): void {
    this.#card.tell(commands);
  }

  probe(): void {
    this.#card.probe();
    this.device.mtu = this.device.maxMtu = this.#card.mtu;
  }

  infoGet(): NetdevDriverInfo {
    const headerBytes = virtioNetHeaderBytes(this.features);
    return {
      encapTx: headerBytes,
      encapRx: headerBytes,
      minRxBufferBytes: this.#minRxBufferBytes(),
      rxqInterrupts: this.#card.transport.interruptMode !== "polling",
      ...this.#checksumFeatures(),
    };
  }

  rxqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.#queueInfo(RECEIVEQ);
  }

  txqInfoGet(_queueId: number): NetdevQueueInfo {
    return this.#queueInfo(TRANSMITQ);
  }

  /** Makes the control queue; nothing is said to the device before it's live. */
  configure(): void {
    this.#rxChecksums = hasFeature(this.features, "VIRTIO_NET_F_GUEST_CSUM");
    if (!hasFeature(this.features, "VIRTIO_NET_F_CTRL_VQ")) return;
    const vq = this.#createVirtqueue<ControlQueue>(CONTROLQ, 0);
    this.control.open(new ControlQueue(this.#card.device, vq));
  }

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    const { dma } = this.#card.transport;
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
    const vq = this.#createVirtqueue(RECEIVEQ, descriptors);
    this.#rx = new VirtioNetRx(vq, conf.pool, this.features, conf.onEvent);
  }

  txqConfigure(_queueId: number, descriptors: number): void {
    const vq = this.#createVirtqueue(TRANSMITQ, descriptors);
    const { region } = this.#card.transport.dma;
    this.#tx = new VirtioNetTx(vq, region, this.features, this.device.mtu);
  }

  start(): void {
    try {
      this.#card.start((device) => this.#goLive(device));
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
      this.#card.reset();
    } finally {
      this.#takeBack();
    }
  }

  unconfigure(): void {
    this.#rx?.vq.release();
    this.#tx?.vq.release();
    this.#rx = null;
    this.#tx = null;
    this.control.release();
    this.#configInterrupts = 0;
    for (const retire of this.#retirePools.splice(0)) retire();
  }

  close(): void {
    try {
      this.stop();
    } finally {
      this.#card.transport.shutdown();
      this.unconfigure();
    }
  }

  hwaddrGet(): Uint8Array {
    return this.control.mac;
  }

  hwaddrSet(address: Uint8Array): void {
    this.#card.tell((control) => control.setMac(address));
  }

  promiscuousGet(): boolean {
    return this.control.promiscuous;
  }

  promiscuousSet(on: boolean): void {
    this.#card.tell((control) => control.setPromiscuous(on));
  }

  /** What is received is the device's matter: it was told nothing of an MTU to begin with (§5.1.4.2). */
  mtuSet(mtu: number): void {
    this.#tx?.setMtu(mtu);
  }

  linkGet(): boolean {
    return this.#card.linkUp;
  }

  rxqIntrEnable(_queueId: number): boolean {
    // Without interrupts nobody would say when to look again.
    return this.#card.transport.interruptMode !== "polling" && this.#rxQueue().arm();
  }

  rxqIntrDisable(_queueId: number): void {
    this.#rxQueue().vq.disableInterrupts();
  }

  rxBurst(_queueId: number, netbufs: Netbuf[], count: number): number {
    const rx = this.#rxQueue();
    const received = rx.burst(netbufs, count);
    if (rx.vq.broken) this.#broken("receive");
    return this.#rxChecksums ? readChecksums(rx, netbufs, received) : received;
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

  /** Without interrupts nothing tells of a changed configuration, so it's looked at every 2 s. */
  watchdog(now: number): number {
    if (this.#card.transport.interruptMode !== "polling") return Infinity;
    if (now >= this.#nextLook) {
      this.#nextLook = now + LOOK_MS;
      this.#card.configChanged();
    }
    return this.#nextLook;
  }

  statsGet(): NetdevCounters {
    return {
      rxQueues: this.#rx === null ? [] : [this.#rx],
      txQueues: this.#tx === null ? [] : [this.#tx],
      configInterrupts: this.#configInterrupts,
    };
  }

  detailsGet(): NetdevDetails {
    const [rx, tx] = [this.#rx, this.#tx];
    return virtioNetDetails(this.#card.transport, {
      offered: this.#card.offered,
      negotiated: this.features,
      speed: this.#card.speed,
      rxRings: rx === null ? [] : [rx.vq.size],
      txRings: tx === null ? [] : [tx.vq.size],
    });
  }

  /** No interrupt gets through, and all netbufs of the rings go back to their pools. */
  #takeBack(): void {
    this.#card.transport.interruptsDisconnect();
    this.control.stop();
    this.#rx?.stop();
    this.#tx?.stop();
  }

  #goLive(device: VirtioDevice): void {
    const { transport } = device;
    const rx = this.#rxQueue();
    const tx = this.#txQueue();
    transport.interruptsConnect(() => this.#configChanged(), [() => this.#received(), null]);
    const rxDoorbell = transport.queueEnable(RECEIVEQ, rx.vq.addresses);
    const txDoorbell = transport.queueEnable(TRANSMITQ, tx.vq.addresses);
    const control = this.control.queue;
    const controlDoorbell = control && transport.queueEnable(CONTROLQ, control.vq.addresses);
    rx.vq.disableInterrupts();
    rx.fill();
    tx.start(txDoorbell);
    device.driverOk();
    // Only now may the device be notified (virtio 1.2 §3.1.1).
    if (controlDoorbell !== null) this.control.start(controlDoorbell);
    rx.kick(rxDoorbell);
  }

  /** Absent where there are none. */
  #checksumFeatures(): { readonly features?: number } {
    const features = (hasFeature(this.features, "VIRTIO_NET_F_CSUM") ? NETDEV_F_PARTIAL_CSUM : 0) |
      (hasFeature(this.features, "VIRTIO_NET_F_GUEST_CSUM") ? NETDEV_F_RX_CSUM : 0);
    return features === 0 ? {} : { features };
  }

  /**
   * A frame whose first buffer doesn't hold its Ethernet header is none. Without mergeable buffers
   * each has to take a frame of the MTU, tagged or not (§5.1.4.2, §5.1.6.3.1).
   */
  #minRxBufferBytes(): number {
    if (hasFeature(this.features, "VIRTIO_NET_F_MRG_RXBUF")) return ETHERNET_HEADER_BYTES;
    return ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + this.device.maxMtu;
  }

  #queueInfo(index: number): NetdevQueueInfo {
    const max = this.#card.identity.queueSizes[index];
    const info = ringInfo(this.location, index, max, this.features);
    return this.#card.transport.ringSizeFixed ? { ...info, minDescriptors: max } : info;
  }

  #createVirtqueue<T = Netbuf>(index: number, descriptors: number): Virtqueue<T> {
    const { dma, ringAlign } = this.#card.transport;
    const { maxDescriptors } = this.#queueInfo(index);
    const size = descriptors === 0 ? maxDescriptors : descriptors;
    return createVirtqueue<T>(dma, size, this.features, index !== RECEIVEQ, ringAlign);
  }

  #configChanged(): void {
    this.#configInterrupts++;
    this.#card.configChanged();
  }

  #received(): void {
    const rx = this.#rxQueue();
    rx.interrupts++;
    rx.onEvent?.(0);
  }

  #broken(queue: string): void {
    this.#card.fail(`broke the ${queue} queue: its used ring is nonsense`);
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
