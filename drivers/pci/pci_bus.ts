import type { PciAddress } from "./pci_address.ts";
import { PciDevice } from "./pci_device.ts";
import type { PciHost } from "./pci_host.ts";
import { matchPciId, type PciId } from "./pci_id.ts";
import {
  PCI_HEADER_TYPE,
  PCI_HEADER_TYPE_MULTI_FUNCTION,
  PCI_NO_FUNCTION,
  PCI_VENDOR_ID,
} from "./registers.ts";

export { PCI_ANY_ID, type PciId } from "./pci_id.ts";

/** A driver for functions on the bus. It may drive several at a time. */
export interface PciDriver<Data = unknown> {
  readonly name: string;
  /** The functions it drives. */
  readonly ids: readonly PciId<Data>[];
  /** Takes a function up by a row of its table. An exception means that it could not; it says why. */
  probe(device: PciDevice, id: PciId<Data>): void;
  /**
   * Lets go of a function that it took up: closes what it made of it, and releases the device. The
   * function may be gone already; its registers read as all ones then.
   */
  remove(device: PciDevice): void;
}

/** What came and went since the last look at the bus. */
export interface PciChanges {
  /** Functions that a driver took up. */
  readonly arrived: PciDevice[];
  /** Functions that their driver let go of. */
  readonly removed: PciDevice[];
  /** Functions that have come, and that no driver wants. */
  readonly unwanted: PciDevice[];
}

/** A function that has a driver. */
interface Binding {
  readonly device: PciDevice;
  readonly driver: PciDriver;
}

/** The functions of a host, and the drivers that want them. */
export class PciBus {
  readonly #host: PciHost;
  readonly #drivers: PciDriver[] = [];
  /** By name of the function. */
  readonly #bindings = new Map<string, Binding>();
  /** Those that no driver wanted at the last look, by name. */
  #unwanted = new Map<string, PciDevice>();

  constructor(host: PciHost) {
    this.#host = host;
  }

  registerDriver<Data>(driver: PciDriver<Data>): void {
    this.#drivers.push(driver);
  }

  /** Every function there is, as the host names them, or on bus 0 in order of their numbers. */
  scan(): PciDevice[] {
    const known = this.#host.functions?.();
    if (known !== undefined) return known.map((address) => new PciDevice(this.#host, address));
    const devices: PciDevice[] = [];
    for (let device = 0; device < 32; device++) {
      const first: PciAddress = { bus: 0, device, function: 0 };
      if (!this.#exists(first)) continue;
      devices.push(new PciDevice(this.#host, first));
      const headerType = this.#host.configRead(first, PCI_HEADER_TYPE, 1);
      if ((headerType & PCI_HEADER_TYPE_MULTI_FUNCTION) === 0) continue;
      for (let number = 1; number < 8; number++) {
        const address: PciAddress = { bus: 0, device, function: number };
        if (this.#exists(address)) devices.push(new PciDevice(this.#host, address));
      }
    }
    return devices;
  }

  /**
   * Hands each function that has no driver to the first one whose id table has it; returns those
   * taken up. What a driver throws reaches the caller, and those behind it are not looked at.
   */
  probe(): PciDevice[] {
    const free = this.scan().filter((device) => !this.#bindings.has(device.name));
    const taken = free.filter((device) => this.#bind(device));
    const left = free.filter((device) => !this.#bindings.has(device.name));
    this.#unwanted = new Map(left.map((device) => [device.name, device]));
    return taken;
  }

  /** Looks again: has drivers let go of what is gone, or is another, and take up what is new. */
  rescan(): PciChanges {
    const gone = [...this.#bindings.values()].filter(({ device }) => !isStillThere(device));
    const removed = this.#unbind(gone);
    const before = this.#unwanted;
    const arrived = this.probe();
    const unwanted = [...this.#unwanted.values()].filter((device) =>
      !areAlike(device, before.get(device.name))
    );
    return { arrived, removed, unwanted };
  }

  /** Has drivers let go of all functions of a slot that is to be pulled; returns these. */
  removeSlot(slot: number): PciDevice[] {
    for (const [name, { address }] of this.#unwanted) {
      if (address.device === slot) this.#unwanted.delete(name);
    }
    const bindings = [...this.#bindings.values()];
    return this.#unbind(bindings.filter(({ device }) => device.address.device === slot));
  }

  #bind(device: PciDevice): boolean {
    for (const driver of this.#drivers) {
      const id = matchPciId(driver.ids, device);
      if (id === null) continue;
      driver.probe(device, id);
      this.#bindings.set(device.name, { device, driver });
      return true;
    }
    return false;
  }

  /** All of them are let go of, also when a driver throws; the first exception comes out then. */
  #unbind(bindings: readonly Binding[]): PciDevice[] {
    const errors: unknown[] = [];
    for (const { device, driver } of bindings) {
      this.#bindings.delete(device.name);
      try {
        driver.remove(device);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return bindings.map(({ device }) => device);
  }

  #exists(address: PciAddress): boolean {
    return this.#host.configRead(address, PCI_VENDOR_ID, 2) !== PCI_NO_FUNCTION;
  }
}

/** Whether what was taken up is still in its place, not gone and not exchanged for another. */
function isStillThere(device: PciDevice): boolean {
  const { config, vendorId, deviceId } = device;
  return config.read(PCI_VENDOR_ID, 4) === (deviceId * 0x1_0000 + vendorId);
}

/** Whether two looks at a place on the bus have found the same kind of function there. */
function areAlike(device: PciDevice, before: PciDevice | undefined): boolean {
  return before?.vendorId === device.vendorId && before.deviceId === device.deviceId;
}
