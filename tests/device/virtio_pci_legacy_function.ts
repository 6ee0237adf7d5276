import { FakePciFunction } from "./fake_pci_function.ts";
import type { FakePciHost } from "./fake_pci_host.ts";
import type { RecordedWindow, Registers, Width } from "./recorded_window.ts";
import type { VirtioModel } from "./virtio_model.ts";
import { VirtioPciInterruptsModel } from "./virtio_pci_interrupts_model.ts";

const BAR_BYTES = 64;
const PAGE = 4096;

/** Registers in front of the configuration (virtio 1.2 §4.1.4.10): offset and width of each. */
const WIDTHS: ReadonlyMap<number, Width> = new Map<number, Width>([
  [0, 4],
  [4, 4],
  [8, 4],
  [12, 2],
  [14, 2],
  [16, 2],
  [18, 1],
  [19, 1],
  [20, 2],
  [22, 2],
]);

/** A virtio device behind the I/O ports of the legacy interface: translates for a model. */
export class VirtioPciLegacyFunction extends FakePciFunction {
  /** All accesses to the ports. */
  readonly window: RecordedWindow;
  readonly #registers: LegacyRegisters;

  constructor(host: FakePciHost, model: VirtioModel, byteLength = BAR_BYTES, io = true) {
    super({ vendorId: 0x1af4, deviceId: 0x1000, subsystemId: model.deviceType });
    const registers = this.#registers = new LegacyRegisters(host, model);
    this.window = this.addBar(0, { byteLength, io, registers });
    host.onRing = (address, value) => {
      if (address !== this.barAddress(0) + 16) throw new Error(`notified at port ${address}`);
      registers.notify(value);
    };
  }

  /** Interrupts on the pin, for a queue (1) and for configuration (2): whether anybody says it's his. */
  pin(isr: number): boolean {
    return this.#registers.interrupts.pin(isr);
  }

  /** The page at which a queue begins; 0 for none. */
  page(queue: number): number {
    return this.#registers.pages[queue];
  }
}

class LegacyRegisters implements Registers {
  readonly interrupts: VirtioPciInterruptsModel;
  readonly pages: number[];
  readonly #host: FakePciHost;
  readonly #model: VirtioModel;
  readonly #bells: (() => void)[] = [];
  #queue = 0;

  constructor(host: FakePciHost, model: VirtioModel) {
    this.interrupts = new VirtioPciInterruptsModel(host, model);
    this.#host = host;
    this.#model = model;
    this.pages = new Array(model.queueCount).fill(0);
  }

  notify(queue: number): void {
    this.#bells[queue]();
  }

  read(offset: number, width: Width): number {
    if (offset >= this.#configAt) return this.#model.configRead(offset - this.#configAt, width);
    this.#check(offset, width);
    switch (offset) {
      case 0:
        return Number(this.#model.deviceFeatures() & 0xffff_ffffn);
      case 8:
        return this.pages[this.#queue];
      case 12:
        return this.#model.queueSizeMax(this.#queue);
      case 18:
        return this.#model.statusRead();
      case 19:
        return this.interrupts.takeIsr();
      case 20:
        return this.interrupts.configVector;
      case 22:
        return this.interrupts.queueVector(this.#queue);
    }
    throw new Error(`the driver has no reason to read ${offset}`);
  }

  write(offset: number, width: Width, value: number): void {
    if (offset < this.#configAt) this.#check(offset, width);
    if (offset === 4) this.#model.driverFeaturesWrite(BigInt(value));
    else if (offset === 8) this.#enable(value);
    else if (offset === 14) this.#queue = value;
    else if (offset === 18) this.#writeStatus(value);
    else if (offset === 20 && this.#msix) this.interrupts.configVector = value;
    else if (offset === 22 && this.#msix) this.interrupts.setQueueVector(this.#queue, value);
    else throw new Error(`${value} written to ${offset}`);
  }

  /** §4.1.4.10: two more registers while MSI-X is on. */
  get #configAt(): number {
    return this.#msix ? 24 : 20;
  }

  get #msix(): boolean {
    return this.#host.lines.length > 0;
  }

  #writeStatus(status: number): void {
    if (status === 0) {
      this.pages.fill(0);
      this.interrupts.clear();
    }
    this.#model.statusWrite(status);
  }

  /** §2.7.2: the parts lie behind each other, the third at the next page. */
  #enable(page: number): void {
    const queue = this.#queue;
    const size = this.#model.queueSizeMax(queue);
    const descriptorArea = page * PAGE;
    const driverArea = descriptorArea + 16 * size;
    const deviceArea = Math.ceil((driverArea + 6 + 2 * size) / PAGE) * PAGE;
    const bell = this.#model.queueEnable(queue, { size, descriptorArea, driverArea, deviceArea });
    this.pages[queue] = page;
    this.#bells[queue] = () => bell.ring();
  }

  #check(offset: number, width: Width): void {
    if (WIDTHS.get(offset) === width) return;
    throw new Error(`no register of ${width} bytes at ${offset}`);
  }
}
