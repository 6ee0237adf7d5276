import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { IrqLine } from "../pci/pci_host.ts";
import type { PlatformDevice } from "../pci/platform_device.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { ConfigChange } from "./config_change.ts";
import { readConfigField } from "./config_field.ts";
import { countQueues } from "./count_queues.ts";
import type { FeatureSet } from "./features.ts";
import { QUEUE_PAGE_BYTES, queuePfn } from "./queue_pfn.ts";
import type { VirtioBus } from "./virtio_bus.ts";
import { VirtioError } from "./virtio_error.ts";
import type {
  InterruptMode,
  QueueDoorbell,
  QueueReset,
  VirtioTransport,
  VirtioVector,
  VirtqueueAddresses,
} from "./virtio_transport.ts";

/** Registers (virtio 1.2 §4.2.2), each of 32 bits: of both versions. */
const MAGIC_VALUE = 0x000;
const VERSION = 0x004;
const DEVICE_ID = 0x008;
const VENDOR_ID = 0x00c;
const DEVICE_FEATURES = 0x010;
const DEVICE_FEATURES_SEL = 0x014;
const DRIVER_FEATURES = 0x020;
const DRIVER_FEATURES_SEL = 0x024;
const QUEUE_SEL = 0x030;
const QUEUE_NUM_MAX = 0x034;
const QUEUE_NUM = 0x038;
const QUEUE_NOTIFY = 0x050;
const INTERRUPT_STATUS = 0x060;
const INTERRUPT_ACK = 0x064;
const STATUS = 0x070;
const CONFIG = 0x100;
/** Of version 2. */
const QUEUE_READY = 0x044;
const QUEUE_DESC_LOW = 0x080;
const QUEUE_DRIVER_LOW = 0x090;
const QUEUE_DEVICE_LOW = 0x0a0;
const QUEUE_RESET = 0x0c0;
const CONFIG_GENERATION = 0x0fc;
/** Of version 1, which is legacy (§4.2.4). */
const GUEST_PAGE_SIZE = 0x028;
const QUEUE_ALIGN = 0x03c;
const QUEUE_PFN = 0x040;

/** `virt`. */
const MAGIC = 0x7472_6976;
const VERSION_LEGACY = 1;
const VERSION_MODERN = 2;

/** `QEMU`, whose devices offer VIRTIO_F_RING_RESET and have no QueueReset: writes to it are lost. */
const VENDOR_QEMU = 0x554d_4551;

/** What has interrupted (§4.2.2.1). */
const INTERRUPT_QUEUE = 1;
const INTERRUPT_CONFIG = 2;

/**
 * Looks at places where virtio devices may be, and hands those that are there to the virtio bus;
 * returns them. `VirtioError` for what isn't virtio-mmio, or of a version that isn't known. What the
 * bus throws reaches the caller.
 */
export function probeVirtioMmio(bus: VirtioBus, slots: readonly PlatformDevice[]): VirtioMmio[] {
  const transports: VirtioMmio[] = [];
  for (const slot of slots) {
    // A place without a device has the registers in front of DeviceID, and that is 0 (§4.2.3.1.1).
    const transport = new VirtioMmio(slot);
    if (transport.deviceType === 0) continue;
    bus.addDevice(transport);
    transports.push(transport);
  }
  return transports;
}

/** The type of the device behind these registers: 0 for an empty place, and for what isn't virtio-mmio. */
export function virtioMmioType(registers: RegisterWindow): number {
  return registers.read32(MAGIC_VALUE) === MAGIC ? registers.read32(DEVICE_ID) : 0;
}

/** A virtio device behind memory-mapped registers and one wire (virtio 1.2 §4.2), of either version. */
export class VirtioMmio implements VirtioTransport {
  readonly name: string;
  readonly kind: string;
  readonly legacy: boolean;
  readonly ringAlign: number | null;
  readonly ringSizeFixed = false;
  readonly deviceType: number;
  readonly dma: DmaArena;
  readonly configLength: number;
  readonly queueReset: QueueReset | null;
  readonly #registers: RegisterWindow;
  /** Null: it's polled. */
  readonly #line: IrqLine | null;
  readonly #config = new ConfigChange();
  #vectors: readonly VirtioVector[] = [];
  #queueCount: number | null = null;
  #shutDown = false;

  /**
   * Reads what it is. `VirtioError` when it isn't virtio-mmio, or of another version than 1 and 2.
   * With `wired` false its wire is left alone, and it's polled, as it is without a wire.
   */
  constructor({ name, registers, line, dma }: PlatformDevice, wired = true) {
    this.name = name;
    this.dma = dma;
    this.#registers = registers;
    this.#line = wired ? line : null;
    if (registers.byteLength < CONFIG) {
      throw new VirtioError(`${name}: ${registers.byteLength} bytes are too few for virtio-mmio`);
    }
    const magic = registers.read32(MAGIC_VALUE);
    if (magic !== MAGIC) {
      throw new VirtioError(`${name} is no virtio-mmio: its magic is 0x${magic.toString(16)}`);
    }
    const version = registers.read32(VERSION);
    if (version !== VERSION_LEGACY && version !== VERSION_MODERN) {
      throw new VirtioError(`${name} has version ${version} of virtio-mmio: 1 and 2 are known`);
    }
    this.legacy = version === VERSION_LEGACY;
    this.kind = `virtio-mmio version ${version}`;
    this.ringAlign = this.legacy ? QUEUE_PAGE_BYTES : null;
    this.deviceType = registers.read32(DEVICE_ID);
    this.configLength = registers.byteLength - CONFIG;
    const lacksQueueReset = this.legacy || registers.read32(VENDOR_ID) === VENDOR_QEMU;
    this.queueReset = lacksQueueReset ? null : new MmioQueueReset(registers);
  }

  present(): boolean {
    return this.#registers.read32(MAGIC_VALUE) === MAGIC;
  }

  statusRead(): number {
    return this.#registers.read32(STATUS) & 0xff;
  }

  statusWrite(status: number): void {
    this.#registers.write32(STATUS, status);
  }

  deviceFeatures(): FeatureSet {
    this.#registers.write32(DEVICE_FEATURES_SEL, 0);
    const low = this.#registers.read32(DEVICE_FEATURES);
    if (this.legacy) return BigInt(low);
    this.#registers.write32(DEVICE_FEATURES_SEL, 1);
    return BigInt(this.#registers.read32(DEVICE_FEATURES)) << 32n | BigInt(low);
  }

  driverFeaturesWrite(features: FeatureSet): void {
    this.#registers.write32(DRIVER_FEATURES_SEL, 0);
    this.#registers.write32(DRIVER_FEATURES, Number(features & 0xffff_ffffn));
    if (this.legacy) return;
    this.#registers.write32(DRIVER_FEATURES_SEL, 1);
    this.#registers.write32(DRIVER_FEATURES, Number(features >> 32n));
  }

  configRead(offset: number, width: 1 | 2 | 4): number {
    return readConfigField(this.name, this.#registers, CONFIG, offset, width);
  }

  configGeneration(): number | null {
    return this.legacy ? null : this.#registers.read32(CONFIG_GENERATION);
  }

  /** Nothing tells how many there are: the first that isn't there ends them. */
  get queueCount(): number {
    return this.#queueCount ??= countQueues((index) => this.queueSizeMax(index));
  }

  queueSizeMax(index: number): number {
    this.#registers.write32(QUEUE_SEL, index);
    return this.#registers.read32(QUEUE_NUM_MAX);
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.#registers.write32(QUEUE_SEL, index);
    // §4.2.3.2, §4.2.4: a queue that is in use has to be let go of first, by a reset.
    if (this.#registers.read32(this.legacy ? QUEUE_PFN : QUEUE_READY) !== 0) {
      throw new VirtioError(`${this.name}: queue ${index} is in use already`);
    }
    this.#registers.write32(QUEUE_NUM, addresses.size);
    if (this.legacy) this.#enableByPage(addresses);
    else this.#enableByAddress(addresses);
    return { ring: () => this.#registers.write32(QUEUE_NOTIFY, index) };
  }

  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void {
    const line = this.#line;
    if (line === null) return;
    this.#config.connect(onConfig);
    const queues = [...onQueue.keys()].filter((queue) => onQueue[queue] !== null);
    this.#vectors = [{ name: "wire", config: true, queues }];
    line.connect(() => {
      const status = this.#registers.read32(INTERRUPT_STATUS);
      if (status === 0) return false;
      // Before the queues are looked at: what comes from here on interrupts again.
      this.#registers.write32(INTERRUPT_ACK, status);
      if ((status & INTERRUPT_CONFIG) !== 0) this.#config.note();
      if ((status & INTERRUPT_QUEUE) !== 0) {
        for (let i = 0; i < onQueue.length; i++) onQueue[i]?.();
      }
      return true;
    });
  }

  get interruptMode(): InterruptMode {
    return this.#line === null ? "polling" : "wire";
  }

  get vectors(): readonly VirtioVector[] {
    return this.#vectors;
  }

  interruptsDisconnect(): void {
    this.#config.connect(null);
    this.#line?.disconnect();
  }

  /** Without a bus nothing takes its access to memory away but a reset, which isn't waited for. */
  shutdown(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    this.interruptsDisconnect();
    this.#vectors = [];
    this.statusWrite(0);
  }

  #enableByAddress(addresses: VirtqueueAddresses): void {
    this.#write64(QUEUE_DESC_LOW, addresses.descriptorArea);
    this.#write64(QUEUE_DRIVER_LOW, addresses.driverArea);
    this.#write64(QUEUE_DEVICE_LOW, addresses.deviceArea);
    this.#registers.write32(QUEUE_READY, 1);
  }

  /** A reset forgets the size of pages, so it's told with each queue. */
  #enableByPage({ descriptorArea }: VirtqueueAddresses): void {
    const page = queuePfn(this.name, descriptorArea);
    this.#registers.write32(GUEST_PAGE_SIZE, QUEUE_PAGE_BYTES);
    this.#registers.write32(QUEUE_ALIGN, QUEUE_PAGE_BYTES);
    this.#registers.write32(QUEUE_PFN, page);
  }

  #write64(offset: number, value: number): void {
    this.#registers.write32(offset, value >>> 0);
    this.#registers.write32(offset + 4, Math.floor(value / 2 ** 32));
  }
}

/** Resets queues by registers of version 2. */
class MmioQueueReset implements QueueReset {
  readonly sparesStuck = true;
  readonly #registers: RegisterWindow;

  constructor(registers: RegisterWindow) {
    this.#registers = registers;
  }

  begin(index: number): void {
    this.#registers.write32(QUEUE_SEL, index);
    this.#registers.write32(QUEUE_RESET, 1);
  }

  /** §4.2.2.2. A queue that is ready still was not reset, whatever else the device says. */
  finish(index: number): boolean {
    this.#registers.write32(QUEUE_SEL, index);
    return this.#registers.read32(QUEUE_RESET) === 0 && this.#registers.read32(QUEUE_READY) === 0;
  }
}
