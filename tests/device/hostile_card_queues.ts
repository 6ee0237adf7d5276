import { ConfigChange } from "../../drivers/virtio/config_change.ts";
import type { QueueDoorbell, VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import { HostilePackedRing } from "./hostile_packed_ring.ts";
import type { HostileRing } from "./hostile_ring.ts";
import { HostileSplitRing } from "./hostile_split_ring.ts";
import { MultiqueueNetModel } from "./multiqueue_net_model.ts";
import type { NetbufOracle } from "./netbuf_oracle.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED } from "./ring_device.ts";

/** ISR status (§4.1.4.5, §4.2.2.1). */
const ISR_QUEUE = 1;
const ISR_CONFIG = 2;

/** Device status (virtio 1.2 §2.1). */
const DRIVER_OK = 4;

/**
 * The queues of a hostile card: when they come and go, when it may use them, and by which way it
 * interrupts. It tells of each moment of that, so that something else can be done in it.
 */
export abstract class HostileCardQueues extends MultiqueueNetModel {
  oracle: NetbufOracle | null = null;
  /** The queues of its pairs, while it may touch memory. */
  readonly queues: (HostileRing | null)[] = new Array<null>(2 * this.pairs).fill(null);
  /** Where it has no vector for an interrupt: what its bus makes of one, by the ISR status. */
  onPin: (isr: number) => void = () => {};
  /** Interrupts that nobody has asked for, by whatever way its bus has. */
  onStray: (isr: number) => void = () => {};
  /** Called for each status that is written, in the middle of the driver's call. */
  onStatus: (status: number) => void = () => {};
  /** Where they lie, and the control queue. */
  readonly places = new Map<number, VirtqueueAddresses>();
  /** Called for each notification, in the middle of the driver's call. */
  onKick: (queue: number) => void = () => {};
  /** Called for each queue that is set up, in the middle of the driver's call. */
  onQueue: (index: number) => void = () => {};
  /** Interrupts that are due don't come. */
  mute = false;
  /** One didn't, or the driver's wish for one was lost. */
  owesInterrupt = false;
  /** How often it lost what it had: by resets, or for good. */
  epoch = 0;
  /** Queues that it was notified of, or looks at anyway. */
  protected readonly told: boolean[] = this.queues.map(() => false);
  readonly #config = new ConfigChange();
  #resetting = false;
  #driverOk = false;
  protected wantsReset = false;

  override queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.onQueue(index);
    const doorbell = super.queueEnable(index, addresses);
    this.places.set(index, addresses);
    if (index >= this.queues.length) return doorbell;
    this.queues[index] = this.#ring(addresses);
    this.told[index] = false;
    return {
      ring: () => {
        doorbell.ring();
        this.told[index] = true;
        this.calls.length = 0;
        this.collect();
        this.onKick(index);
      },
    };
  }

  override statusWrite(status: number): void {
    super.statusWrite(status);
    this.calls.length = 0;
    this.onStatus(status);
    this.#driverOk = (status & DRIVER_OK) !== 0;
    if (status === 0) this.#resetting = true;
  }

  /** §2.4.1: until it has said so it isn't reset, and may use its buffers. */
  override statusRead(): number {
    const status = super.statusRead();
    if (this.#resetting && status === 0) this.lose();
    return status;
  }

  override shutdown(): void {
    super.shutdown();
    this.lose();
  }

  /** It does nothing more until it's reset (§2.1.2). */
  override needReset(): void {
    this.wantsReset = true;
    super.needReset();
  }

  /** Changes of configuration are told as a task of their own, as by any transport. */
  override interruptsConnect(
    onConfig: () => void,
    onQueue: readonly ((() => void) | null)[],
  ): void {
    this.#config.connect(onConfig);
    super.interruptsConnect(() => this.#config.note(), onQueue);
  }

  override interruptsDisconnect(): void {
    this.#config.connect(null);
    super.interruptsDisconnect();
  }

  override interrupt(queue: number): void {
    super.interrupt(queue);
    this.onPin(ISR_QUEUE);
  }

  override configChanged(): void {
    super.configChanged();
    this.onPin(ISR_CONFIG);
  }

  /** Interrupts for all queues. */
  interruptAll(): void {
    for (let queue = 0; queue < this.queues.length; queue++) this.interrupt(queue);
  }

  /** Is pulled out. */
  go(): void {
    this.gone = true;
    this.lose();
  }

  /** Its bus doesn't let it reach memory any more. */
  cut(): void {
    this.lose();
  }

  /** A queue that is set up, of a card that may use it (§3.1.1). */
  live(index: number): HostileRing | null {
    if (this.gone || this.#resetting || this.wantsReset) return null;
    return this.#driverOk ? this.queues[index] : null;
  }

  /** Looks at what the driver lent since the last time. */
  abstract collect(): void;

  #ring(addresses: VirtqueueAddresses): HostileRing {
    const has = (feature: bigint): boolean => (this.accepted & feature) !== 0n;
    const Ring = has(VIRTIO_F_RING_PACKED) ? HostilePackedRing : HostileSplitRing;
    const inOrder = has(VIRTIO_F_IN_ORDER);
    return new Ring(this.region, addresses, has(VIRTIO_F_EVENT_IDX), inOrder);
  }

  /** All that it had is the driver's again. */
  protected lose(): void {
    this.#resetting = false;
    this.wantsReset = false;
    this.queues.fill(null);
    this.oracle?.wipe();
    this.owesInterrupt = false;
    this.epoch++;
  }
}
