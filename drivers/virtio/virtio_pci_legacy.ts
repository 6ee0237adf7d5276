import type { PciDevice } from "../pci/pci_device.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { readConfigField } from "./config_field.ts";
import { countQueues } from "./count_queues.ts";
import type { FeatureSet } from "./features.ts";
import { PciDoorbells } from "./pci_doorbells.ts";
import { QUEUE_PAGE_BYTES, queuePfn } from "./queue_pfn.ts";
import { VirtioError } from "./virtio_error.ts";
import { VirtioPciCommon } from "./virtio_pci_common.ts";
import { VirtioPciInterrupts } from "./virtio_pci_interrupts.ts";
import type {
  InterruptMode,
  QueueDoorbell,
  VirtioTransport,
  VirtqueueAddresses,
} from "./virtio_transport.ts";

/** Registers behind the I/O BAR (virtio 1.2 §4.1.4.10): offset, and in the comment the width. */
const HOST_FEATURES = 0; // 32
const GUEST_FEATURES = 4; // 32
const QUEUE_PFN = 8; // 32
const QUEUE_SIZE = 12; // 16
const QUEUE_SEL = 14; // 16
const QUEUE_NOTIFY = 16; // 16
const STATUS = 18; // 8
const ISR = 19; // 8
/** Only while MSI-X is on. What is behind them begins in their place else. */
const MSI_CONFIG_VECTOR = 20; // 16
const MSI_QUEUE_VECTOR = 22; // 16
const CONFIG_WITHOUT_MSIX = 20;
const CONFIG_WITH_MSIX = 24;

const REGISTER_BAR = 0;

/**
 * A virtio device on the PCI bus by its legacy interface (virtio 1.2 §4.1.4.10, virtio 0.9.5), which is
 * what Unikraft speaks: a few I/O ports, 32 features, and rings of the device's size at a page each.
 */
export class VirtioPciLegacy extends VirtioPciCommon implements VirtioTransport {
  readonly kind = "virtio-pci legacy";
  readonly legacy = true;
  readonly ringAlign: number = QUEUE_PAGE_BYTES;
  readonly ringSizeFixed = true;
  readonly deviceType: number;
  readonly #registers: RegisterWindow;
  protected readonly interrupts: VirtioPciInterrupts;
  protected readonly doorbells: PciDoorbells;
  #queueCount: number | null = null;

  /**
   * Claims the function. `VirtioError` when its ports aren't there. `modes` are the ways to interrupt
   * that are tried; all of them by default.
   */
  constructor(device: PciDevice, modes?: readonly InterruptMode[]) {
    super(device);
    this.deviceType = device.subsystemId;
    const hasPorts = device.hasBar(REGISTER_BAR) && device.bar(REGISTER_BAR).space === "io";
    if (!hasPorts || device.bar(REGISTER_BAR).byteLength < CONFIG_WITH_MSIX) {
      throw new VirtioError(`${this.name} has neither virtio structures nor legacy I/O ports`);
    }
    device.setMaster();
    this.doorbells = new PciDoorbells(device, REGISTER_BAR);
    const registers = this.#registers = device.mapBar(REGISTER_BAR);
    this.interrupts = new VirtioPciInterrupts(this.name, device, {
      configVector: (vector) => {
        registers.write16(MSI_CONFIG_VECTOR, vector);
        return registers.read16(MSI_CONFIG_VECTOR);
      },
      queueVector: (queue, vector) => {
        registers.write16(QUEUE_SEL, queue);
        registers.write16(MSI_QUEUE_VECTOR, vector);
        return registers.read16(MSI_QUEUE_VECTOR);
      },
      findIsr: () => () => registers.read8(ISR),
    }, modes);
  }

  statusRead(): number {
    return this.#registers.read8(STATUS);
  }

  statusWrite(status: number): void {
    this.#registers.write8(STATUS, status);
  }

  deviceFeatures(): FeatureSet {
    return BigInt(this.#registers.read32(HOST_FEATURES));
  }

  driverFeaturesWrite(features: FeatureSet): void {
    this.#registers.write32(GUEST_FEATURES, Number(features & 0xffff_ffffn));
  }

  get configLength(): number {
    return this.#registers.byteLength - this.#configOffset;
  }

  configRead(offset: number, width: 1 | 2 | 4): number {
    return readConfigField(this.name, this.#registers, this.#configOffset, offset, width);
  }

  configGeneration(): null {
    return null;
  }

  /** Nothing tells how many there are: the first that isn't there ends them. */
  get queueCount(): number {
    return this.#queueCount ??= countQueues((index) => this.queueSizeMax(index));
  }

  queueSizeMax(index: number): number {
    this.#registers.write16(QUEUE_SEL, index);
    return this.#registers.read16(QUEUE_SIZE);
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    const { size, descriptorArea } = addresses;
    this.#registers.write16(QUEUE_SEL, index);
    const deviceSize = this.#registers.read16(QUEUE_SIZE);
    if (size !== deviceSize) {
      throw new VirtioError(`${this.name}: queue ${index} has ${deviceSize} entries, not ${size}`);
    }
    if (this.#registers.read32(QUEUE_PFN) !== 0) {
      throw new VirtioError(`${this.name}: queue ${index} is in use already`);
    }
    const page = queuePfn(this.name, descriptorArea);
    const doorbell = this.doorbells.at(QUEUE_NOTIFY, index);
    this.#registers.write32(QUEUE_PFN, page);
    return doorbell;
  }

  get #configOffset(): number {
    return this.interrupts.msixEnabled ? CONFIG_WITH_MSIX : CONFIG_WITHOUT_MSIX;
  }
}
