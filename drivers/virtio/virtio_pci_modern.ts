import type { PciDevice } from "../pci/pci_device.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { readConfigField } from "./config_field.ts";
import type { FeatureSet } from "./features.ts";
import { PciDoorbells } from "./pci_doorbells.ts";
import { VirtioError } from "./virtio_error.ts";
import { VirtioPciCommon } from "./virtio_pci_common.ts";
import { VirtioPciInterrupts } from "./virtio_pci_interrupts.ts";
import {
  listsCommonStructure,
  type Structure,
  VIRTIO_PCI_CAP_COMMON_CFG,
  VIRTIO_PCI_CAP_DEVICE_CFG,
  VIRTIO_PCI_CAP_ISR_CFG,
  VIRTIO_PCI_CAP_NOTIFY_CFG,
  VirtioPciStructures,
} from "./virtio_pci_structures.ts";
import type {
  InterruptMode,
  QueueDoorbell,
  QueueReset,
  VirtioTransport,
  VirtqueueAddresses,
} from "./virtio_transport.ts";

/**
 * PCI ids (virtio 1.2 §4.1.2): the device id of a modern device is 0x1040 plus its type. One that is
 * transitional has a lower one, and its type in the subsystem id.
 */
const VIRTIO_PCI_MODERN_DEVICE_ID = 0x1040;

/** struct virtio_pci_common_cfg (§4.1.4.3): offset, and in the comment the width. */
const DEVICE_FEATURE_SELECT = 0x00; // 32
const DEVICE_FEATURE = 0x04; // 32
const DRIVER_FEATURE_SELECT = 0x08; // 32
const DRIVER_FEATURE = 0x0c; // 32
const CONFIG_MSIX_VECTOR = 0x10; // 16
const NUM_QUEUES = 0x12; // 16
const DEVICE_STATUS = 0x14; // 8
const CONFIG_GENERATION = 0x15; // 8
const QUEUE_SELECT = 0x16; // 16
const QUEUE_SIZE = 0x18; // 16
const QUEUE_MSIX_VECTOR = 0x1a; // 16
const QUEUE_ENABLE = 0x1c; // 16
const QUEUE_NOTIFY_OFF = 0x1e; // 16
const QUEUE_DESC = 0x20; // 64, as two of 32 (§4.1.3.1)
const QUEUE_DRIVER = 0x28; // 64
const QUEUE_DEVICE = 0x30; // 64
const COMMON_CFG_BYTES = 0x38;
/** Behind these, where the structure is long enough, and VIRTIO_F_RING_RESET was negotiated. */
const QUEUE_RESET = 0x3a; // 16

/**
 * How QEMU is known (its docs/specs/pci-ids). 7.2 ends itself with a failed assertion when a transmit
 * queue is reset that has several frames which its network doesn't take, as is told in
 * gitlab.com/qemu-project/qemu/-/issues/1451. A reset of the device it lives through.
 */
const SUBSYSTEM_VENDOR_QEMU = 0x1af4;
const SUBSYSTEM_QEMU = 0x1100;

/** Bytes of a notification (§4.1.5.2): the queue index alone, as NOTIFICATION_DATA isn't negotiated. */
const NOTIFY_BYTES = 2;

/**
 * Whether a function has the modern interface: by its id, or, as one that is transitional, by the
 * structures that it lists.
 */
export function isVirtioPciModern(device: PciDevice): boolean {
  return device.deviceId >= VIRTIO_PCI_MODERN_DEVICE_ID || listsCommonStructure(device);
}

/** A virtio device on the PCI bus by its modern interface (virtio 1.2 §4.1). */
export class VirtioPciModern extends VirtioPciCommon implements VirtioTransport {
  readonly kind = "virtio-pci modern";
  readonly legacy = false;
  readonly ringAlign = null;
  readonly ringSizeFixed = false;
  readonly deviceType: number;
  readonly configLength: number;
  readonly queueCount: number;
  readonly queueReset: QueueReset | null;
  readonly #common: RegisterWindow;
  readonly #config: RegisterWindow;
  readonly #notify: RegisterWindow;
  readonly #notifyPlace: Structure;
  readonly #notifyMultiplier: number;
  protected readonly interrupts: VirtioPciInterrupts;
  protected readonly doorbells: PciDoorbells;

  /**
   * Finds its structures. `VirtioError` when one is missing or lies outside its BAR. `modes` are the
   * ways to interrupt that are tried; all of them by default.
   */
  constructor(device: PciDevice, modes?: readonly InterruptMode[]) {
    super(device);
    const { deviceId, subsystemId } = device;
    this.deviceType = deviceId < VIRTIO_PCI_MODERN_DEVICE_ID
      ? subsystemId
      : deviceId - VIRTIO_PCI_MODERN_DEVICE_ID;
    device.setMaster();
    const structures = new VirtioPciStructures(this.name, device);
    this.#common = structures.map(structures.find(VIRTIO_PCI_CAP_COMMON_CFG), COMMON_CFG_BYTES);
    this.#config = structures.map(structures.find(VIRTIO_PCI_CAP_DEVICE_CFG), 0);
    this.configLength = this.#config.byteLength;
    this.#notifyPlace = structures.find(VIRTIO_PCI_CAP_NOTIFY_CFG);
    this.doorbells = new PciDoorbells(device, this.#notifyPlace.bar);
    this.#notify = structures.map(this.#notifyPlace, 0, NOTIFY_BYTES);
    this.#notifyMultiplier = structures.notifyMultiplier(this.#notifyPlace);
    this.interrupts = new VirtioPciInterrupts(this.name, device, {
      configVector: (vector) => {
        this.#common.write16(CONFIG_MSIX_VECTOR, vector);
        return this.#common.read16(CONFIG_MSIX_VECTOR);
      },
      queueVector: (queue, vector) => {
        this.#common.write16(QUEUE_SELECT, queue);
        this.#common.write16(QUEUE_MSIX_VECTOR, vector);
        return this.#common.read16(QUEUE_MSIX_VECTOR);
      },
      findIsr: () => {
        const isr = structures.map(structures.find(VIRTIO_PCI_CAP_ISR_CFG), 1, 1);
        return () => isr.read8(0);
      },
    }, modes);
    this.queueReset = this.#queueReset();
    this.queueCount = this.#common.read16(NUM_QUEUES);
  }

  statusRead(): number {
    return this.#common.read8(DEVICE_STATUS);
  }

  statusWrite(status: number): void {
    this.#common.write8(DEVICE_STATUS, status);
  }

  deviceFeatures(): FeatureSet {
    this.#common.write32(DEVICE_FEATURE_SELECT, 0);
    const low = this.#common.read32(DEVICE_FEATURE);
    this.#common.write32(DEVICE_FEATURE_SELECT, 1);
    return BigInt(this.#common.read32(DEVICE_FEATURE)) << 32n | BigInt(low);
  }

  driverFeaturesWrite(features: FeatureSet): void {
    this.#common.write32(DRIVER_FEATURE_SELECT, 0);
    this.#common.write32(DRIVER_FEATURE, Number(features & 0xffff_ffffn));
    this.#common.write32(DRIVER_FEATURE_SELECT, 1);
    this.#common.write32(DRIVER_FEATURE, Number(features >> 32n));
  }

  configRead(offset: number, width: 1 | 2 | 4): number {
    return readConfigField(this.name, this.#config, 0, offset, width);
  }

  configGeneration(): number {
    return this.#common.read8(CONFIG_GENERATION);
  }

  queueSizeMax(index: number): number {
    this.#common.write16(QUEUE_SELECT, index);
    return this.#common.read16(QUEUE_SIZE);
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.#common.write16(QUEUE_SELECT, index);
    this.#common.write16(QUEUE_SIZE, addresses.size);
    this.#write64(QUEUE_DESC, addresses.descriptorArea);
    this.#write64(QUEUE_DRIVER, addresses.driverArea);
    this.#write64(QUEUE_DEVICE, addresses.deviceArea);
    const doorbell = this.#doorbell(index, this.#common.read16(QUEUE_NOTIFY_OFF));
    this.#common.write16(QUEUE_ENABLE, 1);
    return doorbell;
  }

  /** §4.1.4.4: each queue has a register of its own, or shares one. */
  #doorbell(index: number, notifyOff: number): QueueDoorbell {
    const offset = notifyOff * this.#notifyMultiplier;
    if (offset + NOTIFY_BYTES > this.#notify.byteLength) {
      throw new VirtioError(`${this.name}: queue ${index} notifies outside its structure`);
    }
    return this.doorbells.at(this.#notifyPlace.offset + offset, index);
  }

  #write64(offset: number, value: number): void {
    this.#common.write32(offset, value >>> 0);
    this.#common.write32(offset + 4, Math.floor(value / 2 ** 32));
  }

  #queueReset(): QueueReset | null {
    const common = this.#common;
    if (common.byteLength < QUEUE_RESET + 2) return null;
    const { subsystemVendorId, subsystemId } = this.device;
    return {
      begin: (index) => {
        common.write16(QUEUE_SELECT, index);
        common.write16(QUEUE_RESET, 1);
      },
      // §4.1.4.3.2. A queue that is enabled still was not reset, whatever else the device says.
      finish: (index) => {
        common.write16(QUEUE_SELECT, index);
        if (common.read16(QUEUE_RESET) !== 0 || common.read16(QUEUE_ENABLE) !== 0) return false;
        this.interrupts.reassign(index);
        return true;
      },
      sparesStuck: subsystemVendorId !== SUBSYSTEM_VENDOR_QEMU || subsystemId !== SUBSYSTEM_QEMU,
    };
  }
}
