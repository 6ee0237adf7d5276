import type { DmaArena } from "../../../netdev/dma_arena.ts";
import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { ConfigChange } from "../config_change.ts";
import { VIRTIO_STATUS_DEVICE_NEEDS_RESET, VIRTIO_STATUS_DRIVER_OK } from "../device_status.ts";
import { featureNames, type FeatureSet } from "../features.ts";
import { VirtioError } from "../virtio_error.ts";
import type {
  InterruptMode,
  QueueDoorbell,
  VirtioTransport,
  VirtioVector,
  VirtqueueAddresses,
} from "../virtio_transport.ts";
import type { BackEnd } from "./back_ends.ts";
import type { Connection } from "./connection.ts";
import { protocolFeatureNames } from "./message.ts";
import type { SharedMemory } from "./shared_memory.ts";
import { startVrings, stopVrings, type Vring } from "./vrings.ts";

/** Virtio device type of a network card (virtio 1.2 §5.1.1): what is at the other end isn't told. */
const NETWORK_CARD = 1;

/** Largest ring (virtio 1.2 §2.7, §2.8): no back-end tells a smaller one. */
const QUEUE_SIZE_MAX = 32768;

/** How long the first start may take, and a stop, in which everything else stands still. */
const START_TIMEOUT_MS = 5000;
const STOP_TIMEOUT_MS = 300;

/** A queue from its first use on: what stays when it's reset. */
interface QueueEvents {
  readonly kick: Eventfd;
  readonly call: Eventfd;
}

/**
 * A virtio device that is another process (vhost-user.rst): it maps our memory and is told of rings by
 * messages; notifications are eventfds. It has rings and nothing else, so the registers of other
 * transports are kept here: status, configuration, link. Requests are sent when the driver is ready,
 * all at once.
 *
 * A back-end that is lost takes the link down. When another has come, the device asks for a reset, as
 * any virtio device may (virtio 1.2 §2.1.2): the driver makes its rings anew, and then the link is up.
 */
export class VhostUserTransport implements VirtioTransport {
  readonly name: string;
  readonly kind = "vhost-user";
  readonly legacy = false;
  readonly ringAlign = null;
  readonly ringSizeFixed = false;
  readonly deviceType = NETWORK_CARD;
  readonly configLength = 0;
  readonly interruptMode: InterruptMode = "eventfd";
  readonly mayPause = true;
  readonly resetReason = "has its back-end again";
  readonly queuePairs: number;
  /** Back-ends that came in place of the first. */
  reconnections = 0;

  readonly #memory: SharedMemory;
  readonly #waiter: FdWaiter;
  readonly #onLost: () => void;
  readonly #onUnstarted: ((reason: string) => void) | null;
  readonly #config = new ConfigChange();
  readonly #events: QueueEvents[] = [];
  #backEnd: BackEnd;
  #linkUp = true;
  #status = 0;
  #needsReset = false;
  /** Whether the device was live at least once. */
  #served = false;
  /** What the driver has accepted, at its first start and ever since. */
  #features: FeatureSet = 0n;
  /** Queues that were enabled since the last reset. */
  #enabled = new Map<number, VirtqueueAddresses>();
  /** Pairs of them, when the device was live the last time. */
  #pairs = 0;
  /** Those that the back-end has. */
  #vrings: readonly Vring[] = [];
  /** Queues whose interrupts have handlers. */
  #handled: number[] = [];
  #shutDown = false;

  /**
   * For the first back-end, in this memory. `name`: where it is, for messages. `onLost` is called when
   * a back-end is lost: the next is for {@link replace}. `onUnstarted` is told, in one line, why the
   * first start came to nothing: then there's no link until the next back-end has come. Without it
   * that start throws.
   */
  constructor(
    name: string,
    backEnd: BackEnd,
    memory: SharedMemory,
    waiter: FdWaiter,
    onLost: () => void,
    onUnstarted: ((reason: string) => void) | null = null,
  ) {
    this.name = name;
    this.#memory = memory;
    this.#waiter = waiter;
    this.#onLost = onLost;
    this.#onUnstarted = onUnstarted;
    this.#backEnd = backEnd;
    this.queuePairs = backEnd.offer.queuePairs;
    this.#watch(backEnd);
  }

  /** Goes on with another back-end, or says why it can't: then the back-end is the caller's. */
  replace(backEnd: BackEnd): string | null {
    const { features, queuePairs } = backEnd.offer;
    const missing = this.#features & ~features;
    if (missing !== 0n) return `lacks ${featureNames(missing).join(", ")}, which was agreed on`;
    const pairs = this.#pairs;
    if (queuePairs < pairs) return `has ${queuePairs} pairs of queues, and ${pairs} are in use`;
    this.#backEnd = backEnd;
    // What may have been started meanwhile was with nobody.
    this.#vrings = [];
    this.reconnections++;
    this.#watch(backEnd);
    // One that isn't live has only to be started.
    this.#needsReset = (this.#status & VIRTIO_STATUS_DRIVER_OK) !== 0;
    this.#changed();
    return null;
  }

  get dma(): DmaArena {
    return this.#memory.dma;
  }

  get linkUp(): boolean {
    return this.#linkUp;
  }

  get facts(): readonly (readonly [name: string, value: string])[] {
    const { protocolFeatures } = this.#backEnd.offer;
    return [
      ["protocol features", protocolFeatureNames(protocolFeatures).join(" ") || "none"],
      ["reconnections", String(this.reconnections)],
    ];
  }

  present(): boolean {
    return !this.#shutDown;
  }

  statusRead(): number {
    return this.#status | (this.#needsReset ? VIRTIO_STATUS_DEVICE_NEEDS_RESET : 0);
  }

  /**
   * Starts the back-end at DRIVER_OK, and stops it at 0. `VirtioError` when the first start fails and
   * nobody is to be told instead; one that fails later is a back-end that is lost.
   */
  statusWrite(status: number): void {
    const goesLive = (status & ~this.#status & VIRTIO_STATUS_DRIVER_OK) !== 0;
    this.#status = status;
    if (status === 0) this.#reset();
    else if (goesLive) this.#goLive();
  }

  deviceFeatures(): FeatureSet {
    return this.#backEnd.offer.features;
  }

  driverFeaturesWrite(features: FeatureSet): void {
    this.#features = features;
  }

  configRead(offset: number, width: 1 | 2 | 4): number {
    throw new VirtioError(`${this.name} has no configuration of ${width} bytes at ${offset}`);
  }

  configGeneration(): null {
    return null;
  }

  get queueCount(): number {
    return 2 * this.queuePairs;
  }

  queueSizeMax(index: number): number {
    return index < this.queueCount ? QUEUE_SIZE_MAX : 0;
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.#enabled.set(index, addresses);
    const { kick } = this.#eventsOf(index);
    return { ring: () => kick.signal() };
  }

  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void {
    this.#config.connect(onConfig);
    onQueue.forEach((handler, index) => {
      if (handler === null) return;
      const { call } = this.#eventsOf(index);
      this.#handled.push(index);
      this.#waiter.add(call.fd, () => {
        call.drain();
        handler();
      });
    });
  }

  get vectors(): readonly VirtioVector[] {
    return [
      { name: "socket", config: true, queues: [] },
      ...this.#handled.map((queue) => ({ name: `call ${queue}`, config: false, queues: [queue] })),
    ];
  }

  interruptsDisconnect(): void {
    this.#config.connect(null);
    for (const index of this.#handled.splice(0)) this.#waiter.remove(this.#events[index].call.fd);
  }

  shutdown(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    this.interruptsDisconnect();
    this.#backEnd.connection[Symbol.dispose]();
    for (const { kick, call } of this.#events) {
      kick[Symbol.dispose]();
      call[Symbol.dispose]();
    }
  }

  #watch({ connection }: BackEnd): void {
    connection.onLost = (): void => {
      this.#linkUp = false;
      this.#vrings = [];
      this.#changed();
      this.#onLost();
    };
  }

  /** The loop sleeps perhaps, and may have something to do now. */
  #changed(): void {
    this.#config.note();
    this.#waiter.wake();
  }

  #goLive(): void {
    const { connection, offer } = this.#backEnd;
    this.#vrings = [...this.#enabled].map(([index, addresses]): Vring => {
      const { kick, call } = this.#eventsOf(index);
      return { index, addresses, kick, call: this.#handled.includes(index) ? call : null };
    });
    this.#pairs = this.#vrings.length / 2;
    startVrings(connection, offer, this.#features, this.#memory, this.#vrings);
    if (this.#served) {
      connection.whenSettled(() => {
        this.#linkUp = true;
        this.#changed();
      });
      return;
    }
    if (connection.settle(START_TIMEOUT_MS)) this.#linkUp = true;
    else this.#unstarted(connection);
    this.#served = true;
  }

  /** The first start came to nothing. Whoever waits for back-ends waits for the next. */
  #unstarted(connection: Connection): void {
    connection.giveUp();
    const reason = `${this.name} ${connection.lossReason}`;
    if (this.#onUnstarted === null) throw new VirtioError(reason);
    this.#onUnstarted(reason);
  }

  /** Afterwards the back-end has no queue, or there's none. */
  #reset(): void {
    this.#needsReset = false;
    this.#enabled.clear();
    const vrings = this.#vrings;
    this.#vrings = [];
    if (vrings.length === 0) return;
    const { connection, offer } = this.#backEnd;
    stopVrings(connection, offer, vrings);
    if (!connection.settle(STOP_TIMEOUT_MS)) connection.giveUp();
  }

  /** Made at the first use, and kept until the end. Queues come in order, and pairs whole. */
  #eventsOf(index: number): QueueEvents {
    while (this.#events.length <= index) {
      this.#events.push({ kick: new Eventfd(), call: new Eventfd() });
    }
    return this.#events[index];
  }
}
