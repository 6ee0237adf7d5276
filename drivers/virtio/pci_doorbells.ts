import type { PciDevice } from "../pci/pci_device.ts";
import type { Doorbell } from "../pci/pci_host.ts";

/** A queue's doorbell, and where in its BAR it rings. */
interface PlacedDoorbell {
  readonly offset: number;
  readonly doorbell: Doorbell;
}

/**
 * The doorbells of a device's queues, at registers in one BAR. Those of the bus are few, so they're
 * kept over resets of the device, until {@link release}.
 */
export class PciDoorbells {
  readonly #device: PciDevice;
  readonly #bar: number;
  readonly #placed = new Map<number, PlacedDoorbell>();

  /** None yet; `bar` is the number of the BAR. */
  constructor(device: PciDevice, bar: number) {
    this.#device = device;
    this.#bar = bar;
  }

  /** The doorbell that writes a queue's number at this offset of the BAR. */
  at(offset: number, queue: number): Doorbell {
    const { host } = this.#device;
    const placed = this.#placed.get(queue);
    if (placed?.offset === offset) return placed.doorbell;
    if (placed !== undefined) host.releaseDoorbell(placed.doorbell);
    const doorbell = host.doorbell(this.#device.bar(this.#bar), offset, queue);
    this.#placed.set(queue, { offset, doorbell });
    return doorbell;
  }

  /** Gives all of them back. */
  release(): void {
    for (const { doorbell } of this.#placed.values()) this.#device.host.releaseDoorbell(doorbell);
    this.#placed.clear();
  }
}
