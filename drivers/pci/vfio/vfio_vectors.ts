import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { EventfdIrqLine } from "../eventfd_irq_line.ts";
import type { IrqLine } from "../pci_host.ts";
import { VfioError } from "./vfio_error.ts";
import { irqCount, triggerEventfds, triggerNone, VFIO_PCI_MSIX_IRQ_INDEX } from "./vfio_irqs.ts";

/** A device's MSI-X vectors, each an eventfd; the kernel writes the table that the device has of them. */
export class VfioVectors {
  readonly lines: readonly IrqLine[];
  readonly #device: number;
  readonly #events: readonly Eventfd[];

  /** Turns the first `count` on. `VfioError` when the device hasn't so many, or the kernel. */
  constructor(device: number, name: string, count: number, waiter: FdWaiter) {
    const has = irqCount(device, VFIO_PCI_MSIX_IRQ_INDEX);
    if (count > has) throw new VfioError(`${name} has ${has} MSI-X vectors, ${count} are needed`);
    this.#device = device;
    this.#events = Array.from({ length: count }, () => new Eventfd());
    this.lines = this.#events.map((event) => new EventfdIrqLine(event, waiter));
    try {
      triggerEventfds(device, VFIO_PCI_MSIX_IRQ_INDEX, this.#events.map(({ fd }) => fd));
    } catch (error) {
      this.#closeEvents();
      throw error;
    }
  }

  /** Turns them off. Before the device is closed. */
  close(): void {
    for (const line of this.lines) line.disconnect();
    try {
      triggerNone(this.#device, VFIO_PCI_MSIX_IRQ_INDEX);
    } finally {
      this.#closeEvents();
    }
  }

  #closeEvents(): void {
    for (const event of this.#events) event[Symbol.dispose]();
  }
}
