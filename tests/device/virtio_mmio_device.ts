import type { PlatformDevice } from "../../drivers/pci/platform_device.ts";
import { FakeIrqLine } from "./fake_pci_host.ts";
import { RecordedWindow, type Registers, type Width } from "./recorded_window.ts";
import type { VirtioModel } from "./virtio_model.ts";

const PAGE = 4096;
const CONFIG = 0x100;

/** How a device may differ from a good one. */
export interface VirtioMmioOptions {
  readonly version?: number;
  readonly magic?: number;
  readonly byteLength?: number;
  /** VendorID. QEMU's devices offer to reset queues and have no register for it. */
  readonly vendor?: number;
}

/** A virtio device behind virtio-mmio registers (virtio 1.2 §4.2.2, §4.2.4): translates for a model. */
export class VirtioMmioDevice implements PlatformDevice {
  readonly name = "mmio 0xfeb00000";
  readonly registers: RecordedWindow;
  readonly line = new FakeIrqLine();
  readonly dma;
  readonly #registers: MmioRegisters;

  constructor(model: VirtioModel, options: VirtioMmioOptions = {}) {
    const { version = 2, magic = 0x7472_6976, byteLength = 512, vendor = 0 } = options;
    this.dma = model.dma;
    this.#registers = new MmioRegisters(model, version, magic, vendor);
    this.registers = new RecordedWindow(byteLength, this.#registers);
  }

  /** Interrupts for a queue (1) and for configuration (2): whether the driver says it was this device. */
  interrupt(status: number): boolean {
    this.#registers.interruptStatus |= status;
    return this.line.fire();
  }

  /** What was not acknowledged. */
  get pending(): number {
    return this.#registers.interruptStatus;
  }
}

class MmioRegisters implements Registers {
  interruptStatus = 0;
  readonly #model: VirtioModel;
  readonly #version: number;
  readonly #magic: number;
  readonly #vendor: number;
  /** Queues that are being reset. */
  readonly #resetting = new Set<number>();
  readonly #bells: (() => void)[] = [];
  readonly #sizes: number[] = [];
  readonly #inUse: number[] = [];
  readonly #addresses = new Map<number, number>();
  #deviceSelect = 0;
  #driverSelect = 0;
  #accepted = 0n;
  #queue = 0;
  #pageSize = 0;
  #align = 0;

  constructor(model: VirtioModel, version: number, magic: number, vendor: number) {
    this.#model = model;
    this.#version = version;
    this.#magic = magic;
    this.#vendor = vendor;
  }

  read(offset: number, width: Width): number {
    if (offset >= CONFIG) return this.#model.configRead(offset - CONFIG, width);
    this.#check(offset, width);
    switch (offset) {
      case 0x00:
        return this.#model.gone ? 0xffff_ffff : this.#magic;
      case 0x04:
        return this.#version;
      case 0x08:
        return this.#model.deviceType;
      case 0x0c:
        return this.#vendor;
      case 0x10:
        return Number(
          this.#model.deviceFeatures() >> BigInt(32 * this.#deviceSelect) & 0xffffffffn,
        );
      case 0x34:
        return this.#model.queueSizeMax(this.#queue);
      case 0x40:
      case 0x44:
        return this.#inUse[this.#queue] ?? 0;
      case 0x60:
        return this.interruptStatus;
      case 0x70:
        return this.#model.statusRead();
      case 0xc0:
        return this.#isReset(this.#queue) ? 0 : 1;
      case 0xfc:
        return this.#model.configGeneration() ?? 0;
    }
    throw new Error(`the driver has no reason to read ${offset}`);
  }

  write(offset: number, width: Width, value: number): void {
    this.#check(offset, width);
    if (offset >= 0x80 && offset <= 0xa4) return void this.#addresses.set(offset, value);
    if (offset === 0x14) this.#deviceSelect = value;
    else if (offset === 0x20) this.#accept(value);
    else if (offset === 0x24) this.#driverSelect = value;
    else if (offset === 0x28) this.#pageSize = value;
    else if (offset === 0x30) this.#queue = value;
    else if (offset === 0x38) this.#sizes[this.#queue] = value;
    else if (offset === 0x3c) this.#align = value;
    else if (offset === 0x40) this.#enableByPage(value);
    else if (offset === 0x44 && value === 1) this.#enable();
    else if (offset === 0x50) this.#bells[value]();
    else if (offset === 0x64) this.interruptStatus &= ~value;
    else if (offset === 0x70) this.#writeStatus(value);
    else if (offset === 0xc0 && value === 1) this.#reset(this.#queue);
    else throw new Error(`${value} written to ${offset}`);
  }

  #accept(word: number): void {
    const shift = BigInt(32 * this.#driverSelect);
    this.#accepted = this.#accepted & ~(0xffff_ffffn << shift) | BigInt(word) << shift;
    this.#model.driverFeaturesWrite(this.#accepted);
  }

  #writeStatus(status: number): void {
    if (status === 0) {
      this.#inUse.length = 0;
      this.#resetting.clear();
      this.interruptStatus = 0;
      this.#pageSize = 0;
    }
    this.#model.statusWrite(status);
  }

  #reset(queue: number): void {
    this.#model.beginQueueReset(queue);
    this.#resetting.add(queue);
  }

  #isReset(queue: number): boolean {
    if (this.#resetting.has(queue) && this.#model.finishQueueReset(queue)) {
      this.#resetting.delete(queue);
      this.#inUse[queue] = 0;
    }
    return !this.#resetting.has(queue);
  }

  #enable(): void {
    const at = (offset: number): number =>
      (this.#addresses.get(offset + 4) ?? NaN) * 2 ** 32 + (this.#addresses.get(offset) ?? NaN);
    this.#handOver(1, at(0x80), at(0x90), at(0xa0));
  }

  /** §4.2.4, §2.7.2. */
  #enableByPage(page: number): void {
    const size = this.#sizes[this.#queue];
    const descriptors = page * this.#pageSize;
    const driver = descriptors + 16 * size;
    if (this.#align !== PAGE) throw new Error(`QueueAlign ${this.#align}`);
    const device = Math.ceil((driver + 6 + 2 * size) / this.#align) * this.#align;
    this.#handOver(page, descriptors, driver, device);
  }

  #handOver(
    inUse: number,
    descriptorArea: number,
    driverArea: number,
    deviceArea: number,
  ): void {
    const queue = this.#queue;
    const size = this.#sizes[queue];
    const bell = this.#model.queueEnable(queue, { size, descriptorArea, driverArea, deviceArea });
    this.#inUse[queue] = inUse;
    this.#bells[queue] = () => bell.ring();
  }

  /** All registers have 32 bits; each version has some that the other has not. */
  #check(offset: number, width: Width): void {
    const legacyOnly = [0x28, 0x3c, 0x40].includes(offset);
    const modernOnly = [0x44, 0xc0, 0xfc].includes(offset) || offset >= 0x80 && offset <= 0xa4;
    const known = this.#version === 1 ? !modernOnly : !legacyOnly;
    if (width !== 4 || !known) {
      throw new Error(`version ${this.#version} has no register of ${width} bytes at ${offset}`);
    }
  }
}
