import type { PciDevice } from "../pci/pci_device.ts";
import { PCI_CAP_ID_VENDOR } from "../pci/registers.ts";
import { type RegisterWindow, WindowSlice } from "../pci/register_window.ts";
import { VirtioError } from "./virtio_error.ts";

/** struct virtio_pci_cap (virtio 1.2 §4.1.4): offsets from the capability. */
const CAP_LENGTH = 2;
const CAP_CFG_TYPE = 3;
const CAP_BAR = 4;
const CAP_OFFSET = 8;
const CAP_WINDOW_LENGTH = 12;
const CAP_NOTIFY_OFF_MULTIPLIER = 16;
const CAP_BYTES = 16;
const CAP_NOTIFY_BYTES = 20;

/** Types of structure (§4.1.4). */
export const VIRTIO_PCI_CAP_COMMON_CFG = 1;
export const VIRTIO_PCI_CAP_NOTIFY_CFG = 2;
export const VIRTIO_PCI_CAP_ISR_CFG = 3;
export const VIRTIO_PCI_CAP_DEVICE_CFG = 4;

/** Where one of the device's structures lies. */
export interface Structure {
  /** Offset of its capability in configuration space. */
  readonly capability: number;
  readonly bar: number;
  readonly offset: number;
  readonly byteLength: number;
}

/** Whether a function lists the structure that every virtio device since 1.0 has. */
export function listsCommonStructure({ capabilities, config }: PciDevice): boolean {
  return capabilities.some(({ id, offset }) =>
    id === PCI_CAP_ID_VENDOR && config.read(offset + CAP_CFG_TYPE, 1) === VIRTIO_PCI_CAP_COMMON_CFG
  );
}

/** The structures of a virtio device in its BARs (§4.1.4), which its capabilities tell of. */
export class VirtioPciStructures {
  readonly #name: string;
  readonly #device: PciDevice;

  /** Of a function; `name` is for errors. */
  constructor(name: string, device: PciDevice) {
    this.#name = name;
    this.#device = device;
  }

  /**
   * The first structure of a type that can be used, as the device lists them in order of preference.
   * One in a reserved BAR must be passed over, and one behind I/O ports may have a twin in memory
   * (§4.1.4, §4.1.4.1). `VirtioError` when there's none.
   */
  find(type: number): Structure {
    const { capabilities, config } = this.#device;
    const least = type === VIRTIO_PCI_CAP_NOTIFY_CFG ? CAP_NOTIFY_BYTES : CAP_BYTES;
    const capability = capabilities.find(({ id, offset }) =>
      id === PCI_CAP_ID_VENDOR && config.read(offset + CAP_CFG_TYPE, 1) === type &&
      config.read(offset + CAP_LENGTH, 1) >= least &&
      this.#isMemory(config.read(offset + CAP_BAR, 1))
    );
    if (capability === undefined) {
      throw new VirtioError(`${this.#name} has no virtio structure of type ${type}`);
    }
    return {
      capability: capability.offset,
      bar: config.read(capability.offset + CAP_BAR, 1),
      offset: config.read(capability.offset + CAP_OFFSET, 4),
      byteLength: config.read(capability.offset + CAP_WINDOW_LENGTH, 4),
    };
  }

  /** notify_off_multiplier of a structure of notifications (§4.1.4.4). */
  notifyMultiplier({ capability }: Structure): number {
    return this.#device.config.read(capability + CAP_NOTIFY_OFF_MULTIPLIER, 4);
  }

  /** A structure of `atLeast` bytes. `VirtioError` when it's shorter, or lies outside its BAR. */
  map({ bar, offset, byteLength }: Structure, atLeast: number, align = 4): RegisterWindow {
    const window = this.#device.mapBar(bar);
    const inside = byteLength >= atLeast && offset + byteLength <= window.byteLength;
    if (!inside || offset % align !== 0) {
      throw new VirtioError(
        `${this.#name}: a structure of ${byteLength} bytes at ${offset} of BAR ${bar} can't be`,
      );
    }
    return new WindowSlice(window, offset, byteLength);
  }

  #isMemory(bar: number): boolean {
    return this.#device.hasBar(bar) && this.#device.bar(bar).space === "memory";
  }
}
