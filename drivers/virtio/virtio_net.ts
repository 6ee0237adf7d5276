import { DmaPools } from "../../netdev/dma_pools.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
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
  type NetdevConf,
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
import { readHashes } from "./virtio_net_hash_report.ts";
import {
  ETHERNET_HEADER_BYTES,
  virtioNetHeaderBytes,
  VLAN_TAG_BYTES,
} from "./virtio_net_header.ts";
import { makeSteering, MOST_PAIRS, setPairs, type Steering } from "./virtio_net_pairs.ts";
import { ringInfo } from "./virtio_net_ring.ts";
import { VirtioNetRx } from "./virtio_net_rx.ts";
import { VirtioNetTx } from "./virtio_net_tx.ts";
import type { QueueDoorbell, VirtioTransport } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Virtio device type of a network card (virtio 1.2 §5.1.1). */
const VIRTIO_DEVICE_TYPE_NET = 1;

/** How often the configuration of a device without interrupts is looked at, in milliseconds. */
const LOOK_MS = 2000;

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
 * A virtio network card (virtio 1.2 §5.1) as a netdev: its pairs of queues, and the memory of these.
 * What is agreed on with the card itself is {@link VirtioNetCard}'s.
 */
export class VirtioNet implements NetdevOps {
  /** What is registered. */
  readonly device: NetDevice<VirtioNet> = allocEtherdev({
    driverName: "virtio-net",
    priv: this,
    rxQueues: MOST_PAIRS,
    txQueues: MOST_PAIRS,
  });
  readonly #card: VirtioNetCard;
  /** Those of the pairs in use that are set up. Netdev asks for no others. */
  #rx: VirtioNetRx[] = [];
  #tx: VirtioNetTx[] = [];
  /** Pairs in use. */
  #pairs = 0;
  #steering: Steering | null = null;
  /** Whether packets come with their hashes. */
  #hashes = false;
  /** Whether packets may come with partial checksums. */
  #rxChecksums = false;
  /** For changes of the card's configuration. */
  #configInterrupts = 0;
  /** When the configuration of a device that is polled is to be looked at. */
  #nextLook = 0;
  readonly #pools = new DmaPools();

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
    const pairs = Math.min(this.#card.identity.maxPairs, MOST_PAIRS);
    this.device.setRealQueues(pairs, pairs);
  }

  /** How the card spreads packets over its queues; null where it does so in its own way. */
  get steering(): Steering | null {
    return this.#steering;
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

  rxqInfoGet(queueId: number): NetdevQueueInfo {
    return this.#queueInfo(receiveq(queueId));
  }

  txqInfoGet(queueId: number): NetdevQueueInfo {
    return this.#queueInfo(transmitq(queueId));
  }

  /** Makes the control queue; nothing is said to the device before it's live. `EINVAL` for queues without partners. */
  configure({ rxQueues, txQueues }: NetdevConf): void {
    if (rxQueues !== txQueues) {
      throw new NetdevError(
        "EINVAL",
        `${rxQueues} receive and ${txQueues} transmit queues: virtio has them in pairs`,
      );
    }
    const { rss, controlQueueSize } = this.#card.identity;
    this.#steering = rss === null
      ? null
      : makeSteering(this.location, this.features, rss, rxQueues);
    this.#hashes = hasFeature(this.features, "VIRTIO_NET_F_HASH_REPORT");
    this.#rxChecksums = hasFeature(this.features, "VIRTIO_NET_F_GUEST_CSUM");
    this.#pairs = rxQueues;
    if (!hasFeature(this.features, "VIRTIO_NET_F_CTRL_VQ")) return;
    const vq = this.#createVirtqueue<ControlQueue>(this.#controlIndex, controlQueueSize, 0, true);
    this.control.open(new ControlQueue(this.#card.device, vq));
  }

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    return this.#pools.create(this.#card.transport.dma, options);
  }

  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    const vq = this.#createPacketQueue(receiveq(queueId), descriptors, false);
    this.#rx[queueId] = new VirtioNetRx(vq, conf.pool, this.features, conf.onEvent);
  }

  txqConfigure(queueId: number, descriptors: number): void {
    const vq = this.#createPacketQueue(transmitq(queueId), descriptors, true);
    const { region } = this.#card.transport.dma;
    this.#tx[queueId] = new VirtioNetTx(vq, region, this.features, this.device.mtu);
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
    for (const queue of this.#queues()) queue.vq.release();
    this.#rx = [];
    this.#tx = [];
    this.#steering = null;
    this.control.release();
    this.#configInterrupts = 0;
    this.#pools.retire();
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
    // Not of those that aren't set up yet.
    this.#tx.forEach((tx) => tx.setMtu(mtu));
  }

  linkGet(): boolean {
    return this.#card.linkUp;
  }

  rxqIntrEnable(queueId: number): boolean {
    // Without interrupts nobody would say when to look again.
    return this.#card.transport.interruptMode !== "polling" && this.#rx[queueId].arm();
  }

  rxqIntrDisable(queueId: number): void {
    this.#rx[queueId].vq.disableInterrupts();
  }

  rxBurst(queueId: number, netbufs: Netbuf[], count: number): number {
    const rx = this.#rx[queueId];
    const received = rx.burst(netbufs, count);
    if (this.#hashes) readHashes(netbufs, received);
    if (rx.vq.broken) this.#broken("receive", queueId);
    return this.#rxChecksums ? readChecksums(rx, netbufs, received) : received;
  }

  rxqStatus(queueId: number): number {
    return this.#rx[queueId].status;
  }

  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    const tx = this.#tx[queueId];
    const taken = tx.burst(netbufs, from, count);
    if (tx.vq.broken) this.#broken("transmit", queueId);
    return taken;
  }

  txqReclaim(queueId: number): number {
    const tx = this.#tx[queueId];
    const free = tx.reclaim();
    if (tx.vq.broken) this.#broken("transmit", queueId);
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
      // Without gaps where some aren't set up.
      rxQueues: this.#rx.filter(() => true),
      txQueues: this.#tx.filter(() => true),
      configInterrupts: this.#configInterrupts,
    };
  }

  detailsGet(): NetdevDetails {
    return virtioNetDetails(this.#card.transport, {
      offered: this.#card.offered,
      negotiated: this.features,
      speed: this.#card.speed,
      rxRings: this.#rx.flatMap((rx) => [rx.vq.size]),
      txRings: this.#tx.flatMap((tx) => [tx.vq.size]),
    });
  }

  /** No interrupt gets through, and all netbufs of the rings go back to their pools. */
  #takeBack(): void {
    this.#card.transport.interruptsDisconnect();
    this.control.stop();
    for (const queue of this.#queues()) queue.stop();
  }

  #goLive(device: VirtioDevice): void {
    const { transport } = device;
    const pairs = Array.from({ length: this.#pairs }, (_, pair) => pair);
    transport.interruptsConnect(
      () => this.#configChanged(),
      pairs.flatMap((pair) => [() => this.#received(pair), null]),
    );
    const doorbells = pairs.map((pair) => this.#enablePair(transport, pair));
    const { queue } = this.control;
    const controlDoorbell = queue && transport.queueEnable(this.#controlIndex, queue.vq.addresses);
    device.driverOk();
    // Only now may the device be notified (virtio 1.2 §3.1.1).
    if (controlDoorbell !== null) this.control.start(controlDoorbell);
    if (queue !== null) setPairs(queue, pairs.length, this.#steering);
    for (const pair of pairs) this.#rx[pair].kick(doorbells[pair]);
  }

  /** Hands the queues of a pair to the device, and returns the doorbell of its receive queue. */
  #enablePair(transport: VirtioTransport, pair: number): QueueDoorbell {
    const rx = this.#rx[pair];
    const tx = this.#tx[pair];
    const rxDoorbell = transport.queueEnable(receiveq(pair), rx.vq.addresses);
    const txDoorbell = transport.queueEnable(transmitq(pair), tx.vq.addresses);
    rx.vq.disableInterrupts();
    rx.fill();
    tx.start(txDoorbell);
    return rxDoorbell;
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

  get #controlIndex(): number {
    return controlQueueIndex(this.#card.identity.maxPairs);
  }

  #createPacketQueue(index: number, descriptors: number, chains: boolean): Virtqueue<Netbuf> {
    const max = this.#card.identity.queueSizes[index];
    return this.#createVirtqueue(index, max, descriptors, chains);
  }

  /**
   * Queue number `index`, of `descriptors`, or with 0 of as many as it can have: `max`. `chains`:
   * whether its buffers may have several pieces.
   */
  #createVirtqueue<T>(
    index: number,
    max: number,
    descriptors: number,
    chains: boolean,
  ): Virtqueue<T> {
    const { dma, ringAlign } = this.#card.transport;
    const { maxDescriptors } = ringInfo(this.location, index, max, this.features);
    const size = descriptors === 0 ? maxDescriptors : descriptors;
    return createVirtqueue<T>(dma, size, this.features, chains, ringAlign);
  }

  #configChanged(): void {
    this.#configInterrupts++;
    this.#card.configChanged();
  }

  #received(queueId: number): void {
    const rx = this.#rx[queueId];
    rx.interrupts++;
    rx.onEvent?.(queueId);
  }

  #broken(kind: string, queueId: number): void {
    const which = this.#pairs === 1 ? "" : ` ${queueId}`;
    this.#card.fail(`broke the ${kind} queue${which}: its used ring is nonsense`);
  }

  /** All that are set up. */
  #queues(): (VirtioNetRx | VirtioNetTx)[] {
    return [...this.#rx.filter(() => true), ...this.#tx.filter(() => true)];
  }
}

/** Numbers of the virtqueues of a pair (virtio 1.2 §5.1.2). */
function receiveq(pair: number): number {
  return 2 * pair;
}

function transmitq(pair: number): number {
  return 2 * pair + 1;
}
