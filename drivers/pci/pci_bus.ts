import type { PciAddress } from "./pci_address.ts";
import { PciDevice } from "./pci_device.ts";
import type { PciHost } from "./pci_host.ts";
import {
  PCI_HEADER_TYPE,
  PCI_HEADER_TYPE_MULTI_FUNCTION,
  PCI_NO_FUNCTION,
  PCI_VENDOR_ID,
} from "./registers.ts";

/** In an id table: any value will do. */
export const PCI_ANY_ID = -1;

/** One row of a driver's id table. */
export interface PciId {
  readonly vendorId: number;
  readonly deviceId: number;
}

/** A driver for functions on the bus. */
export interface PciDriver {
  readonly name: string;
  /** The functions it drives. */
  readonly ids: readonly PciId[];
  /** Takes a function up. An exception means that it could not; it says why. */
  probe(device: PciDevice): void;
}

/** The functions of bus 0, and the drivers that want them. */
export class PciBus {
  readonly #host: PciHost;
  readonly #drivers: PciDriver[] = [];

  constructor(host: PciHost) {
    this.#host = host;
  }

  registerDriver(driver: PciDriver): void {
    this.#drivers.push(driver);
  }

  /** Every function there is on bus 0, in order of its number. */
  scan(): PciDevice[] {
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

  /** Hands each function to the first driver whose id table has it; returns those taken up. */
  probe(): PciDevice[] {
    return this.scan().filter((device) => {
      const driver = this.#drivers.find(({ ids }) => ids.some((id) => matches(id, device)));
      driver?.probe(device);
      return driver !== undefined;
    });
  }

  #exists(address: PciAddress): boolean {
    return this.#host.configRead(address, PCI_VENDOR_ID, 2) !== PCI_NO_FUNCTION;
  }
}

function matches(id: PciId, device: PciDevice): boolean {
  return (id.vendorId === PCI_ANY_ID || id.vendorId === device.vendorId) &&
    (id.deviceId === PCI_ANY_ID || id.deviceId === device.deviceId);
}
