import { DmaArena } from "../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import type {
  InterruptMode,
  QueueDoorbell,
  QueueReset,
  VirtioTransport,
  VirtioVector,
  VirtqueueAddresses,
} from "../../drivers/virtio/virtio_transport.ts";
import { IovaRegion } from "./iova_region.ts";
import {
  createRingDevice,
  type RingDevice,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_RING_RESET,
} from "./ring_device.ts";

export { VIRTIO_F_EVENT_IDX } from "./ring_device.ts";

/** Feature bits of all devices (virtio 1.2 §6). */
export const VIRTIO_F_VERSION_1 = 1n << 32n;

/** Device status (§2.1). */
const DRIVER_OK = 4;
const FEATURES_OK = 8;
const NEEDS_RESET = 64;

/** How a device may differ from a good one. */
export interface DeviceScript {
  /** What the device does before a field of configuration is read. */
  onConfigRead?: (offset: number) => void;
  /** Whether FEATURES_OK stays set; by default when nothing was accepted that is not on offer. */
  acceptsFeatures?: (features: bigint) => boolean;
  /** How often the status is read after a reset before it is 0. */
  resetReads?: number;
  /** How often it's asked about a queue after its reset before that is done. */
  queueResetReads?: number;
  /** It does not live through a reset of a queue that is stuck. */
  diesOfQueueReset?: boolean;
  /** Who serves its queues may leave them alone. */
  mayPause?: boolean;
  /** Whether it has resources to map an interrupt to a vector; so it has by default. */
  takesVector?: (vector: number) => boolean;
}

/** What kind of device to be. */
export interface VirtioModelOptions {
  readonly deviceType: number;
  readonly features: bigint;
  /** Device-specific configuration at first. */
  readonly config: Uint8Array;
  /** Largest size of each queue. */
  readonly queueSizes: readonly number[];
  readonly memoryBytes: number;
  /** The same memory, as the driver is to see it; by default the driver sees it as the device does. */
  readonly watch?: (region: IovaRegion) => DmaRegion;
}

/**
 * A virtio device of any type, reached without a bus: the far side of `VirtioTransport`, from the
 * specification. It throws when the driver breaks a rule, and is as good a device as its
 * {@link script} lets it be.
 */
export class VirtioModel implements VirtioTransport {
  readonly name = "model";
  readonly kind = "model";
  readonly legacy: boolean = false;
  readonly ringAlign: number | null = null;
  readonly ringSizeFixed: boolean = false;
  readonly queueReset: QueueReset = queueResetOf(this);
  interruptMode: InterruptMode = "msi-x per queue";
  readonly deviceType: number;
  readonly dma: DmaArena;
  readonly queueCount: number;
  readonly region: IovaRegion;
  readonly config: Uint8Array;
  /** The driver's doings, in order: `status 1`, `features`, `queue 0`, `kick 0`, `shutdown`. */
  readonly calls: string[] = [];
  /** Interrupts sent: for configuration changes, then for each queue. */
  readonly interrupts: number[];
  script: DeviceScript = {};
  /** It was taken out: all reads are ones, and writes are lost. */
  gone = false;
  /** What is on offer. */
  features: bigint;
  /** What the driver accepted. */
  accepted = 0n;

  readonly #queueSizes: number[];
  readonly #rings: (RingDevice | null)[];
  #status = 0;
  #resetReads = 0;
  /** Queues that are being reset: how often more they are asked about. */
  readonly #queueResets = new Map<number, number>();
  #generation = 0;
  #onConfig: () => void = ignore;
  #onQueue: readonly ((() => void) | null)[] = [];

  constructor(options: VirtioModelOptions) {
    const { deviceType, features, config, queueSizes, memoryBytes } = options;
    this.deviceType = deviceType;
    this.features = features;
    this.config = config;
    this.region = new IovaRegion(memoryBytes);
    this.dma = new DmaArena(options.watch?.(this.region) ?? this.region, 4096);
    this.queueCount = queueSizes.length;
    this.interrupts = new Array<number>(1 + queueSizes.length).fill(0);
    this.#queueSizes = [...queueSizes];
    this.#rings = queueSizes.map(() => null);
  }

  get configLength(): number {
    return this.config.length;
  }

  /** The device's side of a queue, once the driver has handed it over. */
  ring(index: number): RingDevice {
    const ring = this.#rings[index];
    if (ring === null) throw new Error(`queue ${index} is not enabled`);
    return ring;
  }

  /** Notifications of a queue. */
  kicks(queue: number): number {
    return this.calls.filter((call) => call === `kick ${queue}`).length;
  }

  /** Asks for a reset (§2.1.2). */
  needReset(): void {
    this.#status |= NEEDS_RESET;
    this.configChanged();
  }

  /** Tells of a change of configuration. */
  configChanged(): void {
    this.touchConfig();
    this.interrupts[0]++;
    this.#onConfig();
  }

  /** Changes the generation (§2.5). */
  touchConfig(): void {
    this.#generation = (this.#generation + 1) & 0xff;
  }

  /** Interrupts for a queue, whether the driver wants it or not. */
  interrupt(queue: number): void {
    this.interrupts[1 + queue]++;
    this.#onQueue[queue]?.();
  }

  /** A queue is neither notified nor used before DRIVER_OK (§3.1.1, §2.1.2). */
  needLive(): void {
    if ((this.#status & DRIVER_OK) === 0) throw new Error("the device is not live");
  }

  present(): boolean {
    return !this.gone;
  }

  /** Shows another largest size of a queue. */
  resizeQueue(index: number, size: number): void {
    this.#queueSizes[index] = size;
  }

  statusRead(): number {
    if (this.gone) return 0xff;
    if (this.#resetReads > 0) {
      this.#resetReads--;
      return this.#resetReads === 0 ? this.#status : 0xff;
    }
    return this.#status;
  }

  statusWrite(status: number): void {
    if (this.gone) return;
    this.calls.push(`status ${status}`);
    if (status === 0) return this.#reset();
    if ((this.#status & ~NEEDS_RESET & ~status) !== 0) {
      throw new Error(`status ${status} clears a bit of ${this.#status} (§2.1.1)`);
    }
    const good = this.script.acceptsFeatures?.(this.accepted) ??
      (this.accepted & ~this.features) === 0n;
    const asked = this.#status & NEEDS_RESET;
    this.#status = (good ? status : status & ~FEATURES_OK) | asked;
  }

  deviceFeatures(): bigint {
    return this.gone ? 2n ** 64n - 1n : this.features;
  }

  driverFeaturesWrite(features: bigint): void {
    if (this.gone) return;
    this.calls.push("features");
    if ((this.#status & FEATURES_OK) !== 0) throw new Error("features after FEATURES_OK (§3.1.1)");
    this.accepted = features;
  }

  configRead(offset: number, width: 1 | 2 | 4): number {
    if (offset % width !== 0 || offset + width > this.config.length) {
      throw new Error(`no configuration of ${width} bytes at ${offset}`);
    }
    if (this.gone) return 2 ** (8 * width) - 1;
    this.script.onConfigRead?.(offset);
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.config[offset + i];
    return value;
  }

  configGeneration(): number | null {
    return this.gone ? 0xff : this.#generation;
  }

  queueSizeMax(index: number): number {
    return this.gone ? 0xffff : this.#queueSizes[index] ?? 0;
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.calls.push(`queue ${index}`);
    if (this.#rings[index] !== null) throw new Error(`queue ${index} is enabled (§4.1.4.3.2)`);
    const { size } = addresses;
    const packed = (this.accepted & VIRTIO_F_RING_PACKED) !== 0n;
    const shaped = packed || (size & (size - 1)) === 0;
    if (size > this.queueSizeMax(index) || size === 0 || !shaped) {
      throw new Error(`queue ${index} of ${size}`);
    }
    this.#rings[index] = createRingDevice(this.region, addresses, this.accepted);
    const ring = this.#rings[index];
    return {
      ring: () => {
        this.needLive();
        if (this.#rings[index] !== ring) throw new Error(`queue ${index} was reset since`);
        this.calls.push(`kick ${index}`);
        this.kicked(index);
      },
    };
  }

  /** A queue is let go of when that is done (§2.6.1): it is never notified before it's enabled again. */
  beginQueueReset(index: number): void {
    if (this.gone) return;
    this.calls.push(`reset queue ${index}`);
    this.needLive();
    if ((this.accepted & VIRTIO_F_RING_RESET) === 0n) throw new Error("RING_RESET wasn't accepted");
    this.ring(index);
    this.#queueResets.set(index, this.script.queueResetReads ?? 0);
  }

  get mayPause(): boolean {
    return this.script.mayPause === true;
  }

  /** Whether it's done. */
  finishQueueReset(index: number): boolean {
    if (this.gone) return false;
    const reads = this.#queueResets.get(index);
    if (reads === undefined) throw new Error(`queue ${index} is not being reset`);
    this.#queueResets.set(index, reads - 1);
    if (reads > 0) return false;
    this.#queueResets.delete(index);
    this.#rings[index] = null;
    this.queueWasReset(index);
    return true;
  }

  /** A device that holds buffers of a queue forgets them here. */
  protected queueWasReset(_index: number): void {}

  /** A device that does something at once when it's notified, does it here. */
  protected kicked(_index: number): void {}

  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void {
    this.#onConfig = onConfig;
    this.#onQueue = onQueue;
  }

  get vectors(): readonly VirtioVector[] {
    if (this.#onConfig === ignore) return [];
    return [
      { name: "config", config: true, queues: [] },
      ...this.#onQueue.map((_, queue) => (
        { name: `vector of ${queue}`, config: false, queues: [queue] }
      )),
    ];
  }

  interruptsDisconnect(): void {
    this.#onConfig = ignore;
    this.#onQueue = [];
  }

  shutdown(): void {
    this.calls.push("shutdown");
    this.#onConfig = ignore;
    this.#onQueue = [];
  }

  #reset(): void {
    this.#status = 0;
    this.accepted = 0n;
    this.#rings.fill(null);
    this.#queueResets.clear();
    this.#resetReads = this.script.resetReads ?? 0;
  }
}

function queueResetOf(model: VirtioModel): QueueReset {
  return {
    begin: (index) => model.beginQueueReset(index),
    finish: (index) => model.finishQueueReset(index),
    get sparesStuck(): boolean {
      return model.script.diesOfQueueReset !== true;
    },
  };
}

function ignore(): void {}
