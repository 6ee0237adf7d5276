import { closeNetdev } from "../../netdev/close_netdev.ts";
import { DmaPools } from "../../netdev/dma_pools.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "../../netdev/netbuf_pool.ts";
import { allocEtherdev, type NetDevice } from "../../netdev/net_device.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import type { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import type {
  NetdevConf,
  NetdevDriverInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
} from "../../netdev/netdev_types.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDriver } from "./virtio_bus.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { VirtioNetCard, type VirtioNetOptions } from "./virtio_net_card.ts";
import type { VirtioNetControl } from "./virtio_net_control.ts";
import { readChecksums } from "./virtio_net_checksum.ts";
import { virtioNetDetails } from "./virtio_net_details.ts";
import { readHashes } from "./virtio_net_hash_report.ts";
import { virtioNetInfo } from "./virtio_net_info.ts";
import { MOST_PAIRS, type Steering } from "./virtio_net_pairs.ts";
import { VirtioNetQueues } from "./virtio_net_queues.ts";
import type { VirtioNetRx } from "./virtio_net_rx.ts";
import type { VirtioNetTx } from "./virtio_net_tx.ts";

/** Virtio device type of a network card (virtio 1.2 §5.1.1). */
export const VIRTIO_DEVICE_TYPE_NET = 1;

/** How often the watchdog looks at transmit queues, and at configuration that nobody tells of. */
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
      closeNetdev(netdev, registry);
    },
  };
}

/**
 * A virtio network card (virtio 1.2 §5.1) as a netdev. What is agreed on with the card itself is
 * {@link VirtioNetCard}'s, and its pairs of queues are {@link VirtioNetQueues}'.
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
  readonly #queues: VirtioNetQueues;
  /** Those of the queues that are set up. Netdev asks for no others. */
  readonly #rx: readonly VirtioNetRx[];
  readonly #tx: readonly VirtioNetTx[];
  /** Whether packets come with their hashes, and whether perhaps with partial checksums. */
  #hashes = false;
  #rxChecksums = false;
  #configInterrupts = 0;
  /** When the watchdog looks again. */
  #nextLook = 0;
  readonly #pools = new DmaPools();

  constructor(device: VirtioDevice, options: VirtioNetOptions) {
    this.#card = new VirtioNetCard(device, options);
    this.#queues = new VirtioNetQueues(this.#card);
    this.#rx = this.#queues.rx;
    this.#tx = this.#queues.tx;
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
    return this.#queues.steering;
  }

  infoGet(): NetdevDriverInfo {
    const interrupts = this.#card.transport.interruptMode !== "polling";
    return virtioNetInfo(this.features, this.device.maxMtu, interrupts);
  }

  rxqInfoGet(queueId: number): NetdevQueueInfo {
    return this.#queues.rxInfo(queueId);
  }

  txqInfoGet(queueId: number): NetdevQueueInfo {
    return this.#queues.txInfo(queueId);
  }

  /** Nothing is said to the device before it's live. */
  configure(conf: NetdevConf): void {
    this.#queues.open(conf);
    this.#hashes = hasFeature(this.features, "VIRTIO_NET_F_HASH_REPORT");
    this.#rxChecksums = hasFeature(this.features, "VIRTIO_NET_F_GUEST_CSUM");
  }

  poolCreate(options: NetbufPoolOptions): NetbufPool {
    return this.#pools.create(this.#card.transport.dma, options);
  }

  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void {
    this.#queues.addRx(queueId, descriptors, conf);
  }

  txqConfigure(queueId: number, descriptors: number): void {
    this.#queues.addTx(queueId, descriptors, this.device.mtu);
  }

  start(): void {
    try {
      this.#card.start(() =>
        this.#queues.goLive(() => {
          this.#configInterrupts++;
          this.#card.configChanged();
        })
      );
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
    this.#queues.release();
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
    if (rx.vq.broken) this.#queues.broken("receive", queueId);
    return this.#rxChecksums ? readChecksums(rx, netbufs, received) : received;
  }

  rxqStatus(queueId: number): number {
    return this.#rx[queueId].status;
  }

  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number {
    const tx = this.#tx[queueId];
    const taken = tx.burst(netbufs, from, count);
    if (tx.vq.broken) this.#queues.broken("transmit", queueId);
    return taken;
  }

  txqReclaim(queueId: number): number {
    const tx = this.#tx[queueId];
    const free = tx.reclaim();
    if (tx.vq.broken) this.#queues.broken("transmit", queueId);
    return free;
  }

  /**
   * Every 2 s looks for transmit queues that stand still, and, as without interrupts nothing tells of
   * it, for changed configuration.
   */
  watchdog(now: number): number {
    if (now < this.#nextLook) return this.#nextLook;
    this.#nextLook = now + LOOK_MS;
    const hadFailed = this.#card.failed;
    if (this.#card.transport.interruptMode === "polling") this.#card.configChanged();
    this.#queues.watch(now);
    // What is told of a failure here is not to wait for the next look.
    return this.#card.failed && !hadFailed ? now : this.#nextLook;
  }

  statsGet(): NetdevCounters {
    return { ...this.#queues.counters(), configInterrupts: this.#configInterrupts };
  }

  detailsGet(): NetdevDetails {
    return virtioNetDetails(this.#card.transport, {
      offered: this.#card.offered,
      negotiated: this.features,
      speed: this.#card.speed,
      ...this.#queues.facts(),
    });
  }

  /** No interrupt gets through, and all netbufs of the rings go back to their pools. */
  #takeBack(): void {
    this.#card.transport.interruptsDisconnect();
    this.control.stop();
    this.#queues.stop();
  }
}
