import { NetdevError } from "../../netdev/netdev_error.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetdevCounters } from "../../netdev/netdev_stats.ts";
import type { NetdevConf, NetdevQueueInfo, NetdevRxqConf } from "../../netdev/netdev_types.ts";
import { ControlQueue, controlQueueIndex } from "./control_queue.ts";
import { createVirtqueue } from "./create_virtqueue.ts";
import { hasFeature } from "./features.ts";
import { TransmitWatch, TX_TIMEOUT_MS } from "./transmit_watch.ts";
import type { VirtioNetCard } from "./virtio_net_card.ts";
import type { VirtioNetFacts } from "./virtio_net_details.ts";
import { makeSteering, setPairs, type Steering } from "./virtio_net_pairs.ts";
import { ringInfo } from "./virtio_net_ring.ts";
import { VirtioNetRx } from "./virtio_net_rx.ts";
import { VirtioNetTx } from "./virtio_net_tx.ts";
import type { QueueDoorbell } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/**
 * The queues of a network card, in pairs and a control queue behind them (virtio 1.2 §5.1.2): from
 * making their rings, over handing them to the device, to giving the memory back.
 */
export class VirtioNetQueues {
  /** By pair: those that are set up. The arrays stay the same, whatever is in them. */
  readonly rx: VirtioNetRx[] = [];
  readonly tx: VirtioNetTx[] = [];
  #transmitResets = 0;
  readonly #watches: TransmitWatch[] = [];
  readonly #card: VirtioNetCard;
  /** Pairs in use. */
  #pairs = 0;
  #steering: Steering | null = null;

  /** None yet. */
  constructor(card: VirtioNetCard) {
    this.#card = card;
  }

  /** How the card spreads packets over its queues; null where it does so in its own way. */
  get steering(): Steering | null {
    return this.#steering;
  }

  /**
   * Settles how many pairs are to be used, and makes the control queue. `NetdevError("EINVAL")` for
   * queues without partners, `EIO` as {@link makeSteering} and {@link ringInfo}.
   */
  open({ rxQueues, txQueues }: NetdevConf): void {
    if (rxQueues !== txQueues) {
      throw new NetdevError(
        "EINVAL",
        `${rxQueues} receive and ${txQueues} transmit queues: virtio has them in pairs`,
      );
    }
    const { location, control, device } = this.#card;
    const { features, rss, controlQueueSize } = this.#card.identity;
    this.#steering = rss === null ? null : makeSteering(location, features, rss, rxQueues);
    this.#pairs = rxQueues;
    if (!hasFeature(features, "VIRTIO_NET_F_CTRL_VQ")) return;
    const vq = this.#create<ControlQueue>(this.#controlq, controlQueueSize, 0, true);
    control.open(new ControlQueue(device, vq));
  }

  /** What the ring of a receive queue may be. `NetdevError("EIO")` as {@link ringInfo}. */
  rxInfo(pair: number): NetdevQueueInfo {
    return this.#info(receiveq(pair));
  }

  /** The same of a transmit queue. */
  txInfo(pair: number): NetdevQueueInfo {
    return this.#info(transmitq(pair));
  }

  /** Sets up a receive queue of `descriptors`, 0 for as many as it can have. */
  addRx(pair: number, descriptors: number, conf: NetdevRxqConf): void {
    const { features } = this.#card.identity;
    const vq = this.#createOfPair(receiveq(pair), descriptors, false);
    this.rx[pair] = new VirtioNetRx(vq, conf.pool, features, conf.onEvent);
  }

  /** Sets up a transmit queue likewise, for packets of up to `mtu` bytes. */
  addTx(pair: number, descriptors: number, mtu: number): void {
    const { transport, identity } = this.#card;
    const vq = this.#createOfPair(transmitq(pair), descriptors, true);
    const tx = new VirtioNetTx(vq, transport.dma.region, identity.features, mtu);
    this.tx[pair] = tx;
    this.#watches[pair] = new TransmitWatch(tx);
  }

  /**
   * Hands all of them to a device that has agreed to features, and ends its initialisation. `onConfig`
   * is called for each interrupt for its configuration.
   */
  goLive(onConfig: () => void): void {
    const { transport, device, control } = this.#card;
    transport.interruptsConnect(
      onConfig,
      this.rx.flatMap((rx, pair) => [received(rx, pair), null]),
    );
    const doorbells = this.rx.map((_, pair) => this.#enablePair(pair));
    const { queue } = control;
    const controlDoorbell = queue && transport.queueEnable(this.#controlq, queue.vq.addresses);
    device.driverOk();
    // Only now may the device be notified (§3.1.1).
    if (controlDoorbell !== null) control.start(controlDoorbell);
    if (queue !== null) setPairs(queue, this.#pairs, this.#steering);
    doorbells.forEach((doorbell, pair) => this.rx[pair].kick(doorbell));
  }

  /**
   * Looks for transmit queues that stand still, to reset them: alone where the device is able to,
   * else, or when that doesn't help, with all of the device. Without a link none can be blamed.
   *
   * Before that, both sides remind each other of what may wait: where a notification or an interrupt was
   * lost, as between this driver and a QEMU that leaves out memory barriers, that's all that was missing.
   */
  watch(now: number): void {
    const card = this.#card;
    this.rx.forEach((rx, pair) => rx.remind(pair));
    this.#watches.forEach((watch, pair) => {
      if (card.failed) return;
      if (!card.linkUp || card.transport.mayPause === true) return watch.pardon();
      const isStuck = watch.isStuck(now);
      if (this.tx[pair].vq.broken) this.broken("transmit", pair);
      else if (isStuck) this.#unstick(pair, watch);
      else this.tx[pair].remind();
    });
  }

  /** Netbufs go back to their pools, from a device that was reset. */
  stop(): void {
    for (const queue of this.#all()) queue.stop();
    for (const watch of this.#watches) watch?.deviceReset();
  }

  /** Gives the memory of all back, and forgets them. */
  release(): void {
    for (const queue of this.#all()) queue.vq.release();
    this.rx.length = 0;
    this.tx.length = 0;
    this.#watches.length = 0;
    this.#transmitResets = 0;
    this.#steering = null;
    this.#card.control.release();
  }

  /** All that are set up: netdev may have set up queue 1 before queue 0, which leaves a gap. */
  counters(): Pick<NetdevCounters, "rxQueues" | "txQueues"> {
    return { rxQueues: this.rx.filter(() => true), txQueues: this.tx.filter(() => true) };
  }

  /** What else there is to tell of them. */
  facts(): Pick<VirtioNetFacts, "transmitResets" | "rxRings" | "txRings"> {
    return {
      transmitResets: this.#transmitResets,
      rxRings: this.rx.flatMap((rx) => [rx.vq.size]),
      txRings: this.tx.flatMap((tx) => [tx.vq.size]),
    };
  }

  /** Tells that the device broke the ring of a queue. */
  broken(kind: "receive" | "transmit", pair: number): void {
    this.#card.fail(`broke the ${this.#name(kind, pair)}: its used ring is nonsense`);
  }

  /** Hands the queues of a pair to the device, and returns the doorbell of its receive queue. */
  #enablePair(pair: number): QueueDoorbell {
    const { transport } = this.#card;
    const rx = this.rx[pair];
    const tx = this.tx[pair];
    const rxDoorbell = transport.queueEnable(receiveq(pair), rx.vq.addresses);
    const txDoorbell = transport.queueEnable(transmitq(pair), tx.vq.addresses);
    rx.vq.disableInterrupts();
    rx.fill();
    tx.start(txDoorbell);
    return rxDoorbell;
  }

  #unstick(pair: number, watch: TransmitWatch): void {
    const card = this.#card;
    const what = `${this.#name("transmit", pair)} has sent nothing for ${TX_TIMEOUT_MS / 1000} s`;
    const canBeReset = hasFeature(card.identity.features, "VIRTIO_F_RING_RESET") &&
      card.transport.queueReset?.sparesStuck === true;
    if (!canBeReset) return card.fail(`stands still: its ${what}`);
    if (watch.resetInVain) return card.fail(`stands still: its ${what}, after a reset of its own`);
    try {
      this.#resetTx(pair);
      watch.queueReset();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      card.fail(`stands still: its ${what}, and can't be reset alone: ${why}`);
    }
  }

  /** §2.6.1. Only from a queue that was reset may buffers be taken back. */
  #resetTx(pair: number): void {
    const { transport, device } = this.#card;
    const tx = this.tx[pair];
    device.resetQueue(transmitq(pair));
    tx.drops.tx_timeout += tx.stop();
    tx.start(transport.queueEnable(transmitq(pair), tx.vq.addresses));
    this.#transmitResets++;
  }

  #info(index: number): NetdevQueueInfo {
    const { location, transport, identity } = this.#card;
    const max = identity.queueSizes[index];
    const info = ringInfo(location, index, max, identity.features);
    return transport.ringSizeFixed ? { ...info, minDescriptors: max } : info;
  }

  #createOfPair(index: number, descriptors: number, chains: boolean): Virtqueue<Netbuf> {
    return this.#create(index, this.#card.identity.queueSizes[index], descriptors, chains);
  }

  /**
   * Queue number `index`, of `descriptors`, or with 0 of as many as it can have: `max`. `chains`:
   * whether its buffers may have several pieces.
   */
  #create<T>(index: number, max: number, descriptors: number, chains: boolean): Virtqueue<T> {
    const { location, transport, identity } = this.#card;
    const { dma, ringAlign } = transport;
    const { maxDescriptors } = ringInfo(location, index, max, identity.features);
    const size = descriptors === 0 ? maxDescriptors : descriptors;
    return createVirtqueue<T>(dma, size, identity.features, chains, ringAlign);
  }

  /** The number of the control queue: behind all pairs that the card has. */
  get #controlq(): number {
    return controlQueueIndex(this.#card.identity.maxPairs);
  }

  /** With a number where there are several. */
  #name(kind: "receive" | "transmit", pair: number): string {
    return this.#pairs === 1 ? `${kind} queue` : `${kind} queue ${pair}`;
  }

  #all(): (VirtioNetRx | VirtioNetTx)[] {
    return [...this.rx.filter(() => true), ...this.tx.filter(() => true)];
  }
}

/** The interrupt of a receive queue. */
function received(rx: VirtioNetRx, pair: number): () => void {
  return () => {
    rx.interrupts++;
    rx.onEvent?.(pair);
  };
}

/** Numbers of the virtqueues of a pair (§5.1.2). */
function receiveq(pair: number): number {
  return 2 * pair;
}

function transmitq(pair: number): number {
  return 2 * pair + 1;
}
