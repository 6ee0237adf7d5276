import { allowIntx } from "./intx.ts";
import { PciError } from "./pci_error.ts";
import type { PciFunction } from "./pci_host.ts";
import { PCI_CAP_ID_MSIX } from "./registers.ts";
import { type RegisterWindow, WindowSlice } from "./register_window.ts";

/** MSI-X capability (PCI 3.0 §6.8.2): message control, table offset and BAR. */
const MESSAGE_CONTROL = 2;
const TABLE_OFFSET_BIR = 4;
const TABLE_SIZE_MASK = 0x7ff;
const MSIX_FUNCTION_MASK = 1 << 14;
const MSIX_ENABLE = 1 << 15;
const BIR_MASK = 0x7;

/** A table entry (§6.8.2.6–9): where the message goes, what it says, and whether it is masked. */
const ENTRY_BYTES = 16;
const ENTRY_ADDRESS = 0;
const ENTRY_UPPER_ADDRESS = 4;
const ENTRY_DATA = 8;
const ENTRY_VECTOR_CONTROL = 12;

/** Stops a function from sending its messages. Nothing, when it has no MSI-X capability. */
export function disableMsix(device: PciFunction): void {
  const capability = device.capabilities.find(({ id }) => id === PCI_CAP_ID_MSIX);
  if (capability === undefined) return;
  const offset = capability.offset + MESSAGE_CONTROL;
  device.config.write(offset, 2, device.config.read(offset, 2) & ~MSIX_ENABLE);
}

/** The MSI-X table of a function: a store of `data` to `address` for each vector. */
export class MsixTable {
  /** Vectors the function has. */
  readonly size: number;
  readonly #device: PciFunction;
  readonly #capability: number;
  readonly #entries: RegisterWindow;

  /** Finds the table. `PciError` when the function has none or it lies outside its BAR. */
  constructor(device: PciFunction) {
    const capability = device.capabilities.find(({ id }) => id === PCI_CAP_ID_MSIX);
    if (capability === undefined) throw new PciError(`${device.name} has no MSI-X capability`);
    const control = device.config.read(capability.offset + MESSAGE_CONTROL, 2);
    const location = device.config.read(capability.offset + TABLE_OFFSET_BIR, 4);
    this.size = (control & TABLE_SIZE_MASK) + 1;
    this.#device = device;
    this.#capability = capability.offset;
    const bar = device.mapBar(location & BIR_MASK);
    const offset = (location & ~BIR_MASK) >>> 0;
    const byteLength = this.size * ENTRY_BYTES;
    if (offset + byteLength > bar.byteLength) {
      throw new PciError(
        `${device.name}: an MSI-X table of ${this.size} entries at ${offset} of BAR ${
          location & BIR_MASK
        } can't be`,
      );
    }
    this.#entries = new WindowSlice(bar, offset, byteLength);
  }

  /** Makes `vector` a store of `data` to the 4-byte aligned bus address, unmasked, and reads it back. */
  set(vector: number, address: number, data: number): void {
    const entry = vector * ENTRY_BYTES;
    const upper = Math.floor(address / 2 ** 32);
    this.#entries.write32(entry + ENTRY_ADDRESS, address >>> 0);
    this.#entries.write32(entry + ENTRY_UPPER_ADDRESS, upper);
    this.#entries.write32(entry + ENTRY_DATA, data);
    this.#entries.write32(entry + ENTRY_VECTOR_CONTROL, 0);
    const stuck = this.#entries.read32(entry + ENTRY_ADDRESS) === address >>> 0 &&
      this.#entries.read32(entry + ENTRY_UPPER_ADDRESS) === upper &&
      this.#entries.read32(entry + ENTRY_DATA) === data;
    if (!stuck) {
      throw new PciError(`${this.#device.name} did not take MSI-X vector ${vector}`);
    }
  }

  /** Lets the function send its messages, and interrupt in no other way. */
  enable(): void {
    allowIntx(this.#device, false);
    const offset = this.#capability + MESSAGE_CONTROL;
    const control = this.#device.config.read(offset, 2);
    this.#device.config.write(offset, 2, (control | MSIX_ENABLE) & ~MSIX_FUNCTION_MASK);
  }
}
