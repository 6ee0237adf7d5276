import { type Bar, type ConfigSpace, placeBars } from "./base_address.ts";
import { type Capability, readCapabilities } from "./capabilities.ts";
import { formatPciAddress, type PciAddress } from "./pci_address.ts";
import { PciError } from "./pci_error.ts";
import type { PciFunction, PciHost } from "./pci_host.ts";
import {
  PCI_CLASS_CODE,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_IO,
  PCI_COMMAND_MASTER,
  PCI_COMMAND_MEMORY,
  PCI_DEVICE_ID,
  PCI_NO_FUNCTION,
  PCI_REVISION_ID,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
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
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  readonly revision: number;
  /** Class, sub-class and programming interface, as 0xCCSSPP. */
  readonly classCode: number;
  readonly #bars: Bar[] = [];
  /** Its regions are this object's: there may be another for the same function. */
  #claimed = false;
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
    this.subsystemVendorId = this.config.read(PCI_SUBSYSTEM_VENDOR_ID, 2);
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

  /**
   * Places its BARs, and lets it decode memory and I/O ports. INTx is left as it is. It can't reach
   * memory by itself before {@link setMaster}: who drove it before may have left it at work.
   */
  enable(): void {
    const off = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    this.#setCommand(0, off);
    if (this.#bars.length === 0) this.#placeBars();
    this.#setCommand(PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
  }

  /** Lets it reach memory by itself. */
  setMaster(): void {
    this.#setCommand(PCI_COMMAND_MASTER, 0);
  }

  /** Takes its access to memory away. */
  clearMaster(): void {
    this.#setCommand(0, PCI_COMMAND_MASTER);
  }

  /**
   * Claims all of its BARs for `owner`, a driver: the first thing that a driver does, before it
   * touches a register. `PciError` that names the owner when somebody has them.
   */
  requestRegions(owner: string): void {
    this.host.regions.claim(this.name, owner);
    this.#claimed = true;
  }

  /** Gives the BARs back that {@link requestRegions} claimed; nothing when they were not. */
  releaseRegions(): void {
    if (this.#claimed) this.host.regions.release(this.name);
    this.#claimed = false;
  }

  /**
   * Takes its access to memory away, stops its decoding and its INTx, and gives its regions and the
   * addresses of its BARs back. Nothing a second time, nor for one whose registers another driver
   * has.
   */
  release(): void {
    if (!this.#claimed && this.#bars.length === 0) return;
    const off = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    this.#setCommand(PCI_COMMAND_INTX_DISABLE, off);
    for (const bar of this.#bars.splice(0)) this.host.releaseBar(bar);
    this.#windows.clear();
    this.releaseRegions();
  }

  /** Whether it's still there: one that was taken out reads as all ones (PCI 3.0 §6.1). */
  get present(): boolean {
    return this.config.read(PCI_VENDOR_ID, 2) !== PCI_NO_FUNCTION;
  }

  /** Whether there is a BAR of this number, in use. */
  hasBar(index: number): boolean {
    return this.#bars.some((bar) => bar.index === index);
  }

  /** The BAR of this number. `PciError` when it isn't one in use. */
  bar(index: number): Bar {
    const bar = this.#bars.find((bar) => bar.index === index);
    if (bar === undefined) throw new PciError(`${this.name} has no BAR ${index}`);
    return bar;
  }

  /** The registers behind a BAR, of either space. */
  mapBar(index: number): RegisterWindow {
    const mapped = this.#windows.get(index);
    if (mapped !== undefined) return mapped;
    const window = this.host.mapBar(this, this.bar(index));
    this.#windows.set(index, window);
    return window;
  }

  #placeBars(): void {
    try {
      placeBars(
        this.config,
        (byteLength, space) => this.host.placeBar(byteLength, space),
        this.#bars,
      );
    } catch (error) {
      for (const bar of this.#bars.splice(0)) this.host.releaseBar(bar);
      throw error;
    }
  }

  #setCommand(on: number, off: number): void {
    const command = this.config.read(PCI_COMMAND, 2);
    this.config.write(PCI_COMMAND, 2, command & ~off | on);
  }
}
