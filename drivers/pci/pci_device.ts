import { type Bar, type ConfigSpace, placeBars } from "./base_address.ts";
import { type Capability, readCapabilities } from "./capabilities.ts";
import { formatPciAddress, type PciAddress } from "./pci_address.ts";
import { PciError } from "./pci_error.ts";
import type { PciFunction, PciHost } from "./pci_host.ts";
import {
  PCI_CLASS_CODE,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_NO_FUNCTION,
  PCI_REVISION_ID,
  PCI_SUBSYSTEM_ID,
  PCI_VENDOR_ID,
} from "./registers.ts";
import type { RegisterWindow } from "./register_window.ts";

/** One function on the bus. */
export class PciDevice implements PciFunction {
  readonly host: PciHost;
  readonly address: PciAddress;
  readonly config: ConfigSpace;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly subsystemId: number;
  readonly revision: number;
  /** Class, sub-class and programming interface, as 0xCCSSPP. */
  readonly classCode: number;
  #bars: readonly Bar[] = [];
  #capabilities: readonly Capability[] | null = null;
  readonly #windows = new Map<number, RegisterWindow>();

  constructor(host: PciHost, address: PciAddress) {
    this.host = host;
    this.address = address;
    this.config = {
      read: (offset, width) => host.configRead(address, offset, width),
      write: (offset, width, value) => host.configWrite(address, offset, width, value),
    };
    this.vendorId = this.config.read(PCI_VENDOR_ID, 2);
    this.deviceId = this.config.read(PCI_DEVICE_ID, 2);
    this.subsystemId = this.config.read(PCI_SUBSYSTEM_ID, 2);
    this.revision = this.config.read(PCI_REVISION_ID, 1);
    this.classCode = this.config.read(PCI_CLASS_CODE, 1) |
      this.config.read(PCI_CLASS_CODE + 1, 2) << 8;
  }

  /** `00:02.0`. */
  get name(): string {
    return formatPciAddress(this.address);
  }

  /** The capability list, read once. */
  get capabilities(): readonly Capability[] {
    this.#capabilities ??= readCapabilities(this.config);
    return this.#capabilities;
  }

  /** Places the memory BARs, then lets the function decode them and reach memory by itself. */
  enable(): void {
    const command = this.config.read(PCI_COMMAND, 2);
    this.config.write(PCI_COMMAND, 2, command & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
    this.#bars = placeBars(this.config, (byteLength) => this.host.placeBar(byteLength));
    const on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
    this.config.write(PCI_COMMAND, 2, command | on);
  }

  /** Takes its access to memory away, stops its decoding, and gives the addresses of its BARs back. */
  release(): void {
    const command = this.config.read(PCI_COMMAND, 2);
    this.config.write(PCI_COMMAND, 2, command & ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
    for (const { address } of this.#bars) this.host.releaseBar(address);
    this.#bars = [];
    this.#windows.clear();
  }

  /** Whether it's still there: one that was taken out reads as all ones (PCI 3.0 §6.1). */
  get present(): boolean {
    return this.config.read(PCI_VENDOR_ID, 2) !== PCI_NO_FUNCTION;
  }

  /** Whether there is a memory BAR of this number. */
  hasBar(index: number): boolean {
    return this.#bars.some((bar) => bar.index === index);
  }

  /** The BAR of this number. `PciError` when it isn't a memory BAR in use. */
  bar(index: number): Bar {
    const bar = this.#bars.find((bar) => bar.index === index);
    if (bar === undefined) throw new PciError(`${this.name} has no memory BAR ${index}`);
    return bar;
  }

  /** The registers behind a memory BAR. */
  mapBar(index: number): RegisterWindow {
    const mapped = this.#windows.get(index);
    if (mapped !== undefined) return mapped;
    const window = this.host.mapBar(this, this.bar(index));
    this.#windows.set(index, window);
    return window;
  }
}
