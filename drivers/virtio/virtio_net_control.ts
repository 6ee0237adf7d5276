import { NetdevError } from "../../netdev/netdev_error.ts";
import type { ControlQueue } from "./control_queue.ts";
import { type FeatureName, type FeatureSet, hasFeature } from "./features.ts";
import {
  acknowledgeAnnouncement,
  type Coalescing,
  readQueueCoalescing,
  ReceiveMode,
  setCoalescing,
  setMacAddress,
  setMacTable,
  setQueueCoalescing,
  setReceiveMode,
  setVlan,
} from "./virtio_net_commands.ts";
import type { QueueDoorbell } from "./virtio_transport.ts";

/** VLANs by number (IEEE 802.1Q §9.6): 4095 is reserved, and no device minds. */
const VLAN_MAX = 4095;

/**
 * What a network card is told on its control queue (virtio 1.2 §5.1.6.5), and what it was told: a
 * reset makes it forget, so all of it is kept here and told again by each {@link start}.
 *
 * What is set before the card is live is told when it is. A call for which the card lacks the feature
 * is `NetdevError("ENOTSUP")`; one that it refuses is `NetdevError("EIO")`, and changes nothing here.
 */
export class VirtioNetControl {
  readonly #location: string;
  readonly #features: FeatureSet;
  /** The address that the card has after a reset; null where it has none. */
  readonly #cardMac: Uint8Array | null;
  #mac: Uint8Array;
  /** Without the feature nothing tells the card to filter, so it may pass on what it likes. */
  #promiscuous: boolean;
  readonly #modes = new Set<ReceiveMode>();
  #groups: readonly Uint8Array[] = [];
  readonly #vlans = new Set<number>();
  readonly #coalescing = new Map<"rx" | "tx", Coalescing>();
  readonly #queueCoalescing = new Map<number, Coalescing>();
  #queue: ControlQueue | null = null;
  #live = false;

  /**
   * For the card at `location` with these features and, of its own, the address `cardMac`. `ownMac`:
   * what it's to be given in place of none.
   */
  constructor(
    location: string,
    features: FeatureSet,
    cardMac: Uint8Array | null,
    ownMac: Uint8Array,
  ) {
    this.#location = location;
    this.#features = features;
    this.#cardMac = cardMac;
    this.#mac = (cardMac ?? ownMac).slice();
    this.#promiscuous = !this.#has("VIRTIO_NET_F_CTRL_RX");
  }

  /** The address that it receives frames at, and sends from. */
  get mac(): Uint8Array {
    return this.#mac;
  }

  /** Whether it passes on frames for other stations. */
  get promiscuous(): boolean {
    return this.#promiscuous;
  }

  /** What commands go over; null before the card is configured, and for one that takes none. */
  get queue(): ControlQueue | null {
    return this.#queue;
  }

  /** Has commands go over `queue`, once it's live. */
  open(queue: ControlQueue): void {
    this.#queue = queue;
  }

  /** The card is live, and is told everything. Throws when it can't be what it was. */
  start(doorbell: QueueDoorbell): void {
    const queue = this.#queue;
    if (queue === null) return;
    queue.start(doorbell);
    this.#live = true;
    if (this.#has("VIRTIO_NET_F_CTRL_RX")) this.#tellReceiveModes(queue);
    if (!this.#isCardsMac()) this.#tellMac(queue);
    if (this.#groups.length > 0) setMacTable(queue, this.#extraUnicast(), this.#groups);
    for (const vlan of this.#vlans) setVlan(queue, vlan, true);
    for (const [direction, coalescing] of this.#coalescing) {
      setCoalescing(queue, direction, coalescing);
    }
    for (const [index, coalescing] of this.#queueCoalescing) {
      setQueueCoalescing(queue, index, coalescing);
    }
  }

  /** The card was reset. */
  stop(): void {
    this.#live = false;
    this.#queue?.stop();
  }

  /** Gives the memory of the queue back. */
  release(): void {
    this.stop();
    this.#queue?.release();
    this.#queue = null;
  }

  /** Gives the card another address, of 6 bytes, which are copied. */
  setMac(mac: Uint8Array): void {
    if (!this.#has("VIRTIO_NET_F_CTRL_MAC_ADDR")) this.#need("VIRTIO_NET_F_CTRL_RX", "hwaddrSet");
    const before = this.#mac;
    this.#mac = mac.slice();
    try {
      if (this.#liveQueue !== null) this.#tellMac(this.#liveQueue);
    } catch (error) {
      this.#mac = before;
      throw error;
    }
  }

  /** Has it pass on frames for other stations, or not. */
  setPromiscuous(on: boolean): void {
    this.#need("VIRTIO_NET_F_CTRL_RX", "promiscuousSet");
    if (this.#liveQueue !== null) setReceiveMode(this.#liveQueue, ReceiveMode.PROMISC, on);
    this.#promiscuous = on;
  }

  /** Turns another receive mode on or off. */
  setMode(mode: ReceiveMode, on: boolean): void {
    if (mode === ReceiveMode.PROMISC) return this.setPromiscuous(on);
    const isExtra = mode !== ReceiveMode.ALLMULTI;
    this.#need(isExtra ? "VIRTIO_NET_F_CTRL_RX_EXTRA" : "VIRTIO_NET_F_CTRL_RX", "receive mode");
    if (this.#liveQueue !== null) setReceiveMode(this.#liveQueue, mode, on);
    if (on) this.#modes.add(mode);
    else this.#modes.delete(mode);
  }

  /** Sets the groups whose frames are received, by addresses of 6 bytes, in place of those before. */
  setGroups(groups: readonly Uint8Array[]): void {
    this.#need("VIRTIO_NET_F_CTRL_RX", "groups");
    const copies = groups.map((group) => group.slice());
    if (this.#liveQueue !== null) setMacTable(this.#liveQueue, this.#extraUnicast(), copies);
    this.#groups = copies;
  }

  /** Has frames tagged for a VLAN (0 to 4095) received, or no more. Without a tag they always are. */
  setVlan(vlan: number, on: boolean): void {
    this.#need("VIRTIO_NET_F_CTRL_VLAN", "VLAN filter");
    if (!Number.isInteger(vlan) || vlan < 0 || vlan > VLAN_MAX) {
      throw new NetdevError("EINVAL", `VLAN ${vlan}: 0 to ${VLAN_MAX} is possible`);
    }
    if (this.#liveQueue !== null) setVlan(this.#liveQueue, vlan, on);
    if (on) this.#vlans.add(vlan);
    else this.#vlans.delete(vlan);
  }

  /** Sets when the receive or the transmit queues interrupt. */
  setCoalescing(direction: "rx" | "tx", coalescing: Coalescing): void {
    this.#need("VIRTIO_NET_F_NOTF_COAL", "coalescing");
    if (this.#liveQueue !== null) setCoalescing(this.#liveQueue, direction, coalescing);
    this.#coalescing.set(direction, coalescing);
    // What was set for single queues holds no more (virtio 1.3 §5.1.6.5.6).
    const parity = direction === "rx" ? 0 : 1;
    for (const index of this.#queueCoalescing.keys()) {
      if (index % 2 === parity) this.#queueCoalescing.delete(index);
    }
  }

  /** Sets when virtqueue number `index` interrupts. */
  setQueueCoalescing(index: number, coalescing: Coalescing): void {
    this.#need("VIRTIO_NET_F_VQ_NOTF_COAL", "coalescing of a queue");
    if (this.#liveQueue !== null) setQueueCoalescing(this.#liveQueue, index, coalescing);
    this.#queueCoalescing.set(index, coalescing);
  }

  /** When virtqueue number `index` interrupts, as the card has it; null before it's live. */
  queueCoalescing(index: number): Coalescing | null {
    this.#need("VIRTIO_NET_F_VQ_NOTF_COAL", "coalescing of a queue");
    return this.#liveQueue === null ? null : readQueueCoalescing(this.#liveQueue, index);
  }

  /** The card's wish to be announced is heard. Nothing for one that isn't live. */
  acknowledgeAnnouncement(): void {
    if (this.#liveQueue !== null) acknowledgeAnnouncement(this.#liveQueue);
  }

  get #liveQueue(): ControlQueue | null {
    return this.#live ? this.#queue : null;
  }

  #has(name: FeatureName): boolean {
    return hasFeature(this.#features, name);
  }

  #need(name: FeatureName, what: string): void {
    if (this.#has(name)) return;
    throw new NetdevError("ENOTSUP", `${what}: ${this.#location} lacks ${name}`);
  }

  /** Promiscuous or not is all that a card has to know; one that will not filter passes on everything. */
  #tellReceiveModes(queue: ControlQueue): void {
    try {
      setReceiveMode(queue, ReceiveMode.PROMISC, this.#promiscuous);
    } catch (error) {
      if (queue.broken || this.#promiscuous) throw error;
      this.#promiscuous = true;
    }
    for (const mode of this.#modes) setReceiveMode(queue, mode, true);
  }

  /** A card without the command for its address takes ours beside its own. */
  #tellMac(queue: ControlQueue): void {
    if (this.#has("VIRTIO_NET_F_CTRL_MAC_ADDR")) {
      setMacAddress(queue, this.#mac);
    } else if (this.#has("VIRTIO_NET_F_CTRL_RX")) {
      setMacTable(queue, this.#extraUnicast(), this.#groups);
    }
  }

  #extraUnicast(): readonly Uint8Array[] {
    return this.#has("VIRTIO_NET_F_CTRL_MAC_ADDR") || this.#isCardsMac() ? [] : [this.#mac];
  }

  #isCardsMac(): boolean {
    return this.#cardMac?.every((byte, i) => byte === this.#mac[i]) ?? false;
  }
}
