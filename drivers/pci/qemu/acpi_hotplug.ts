import type { IrqLine, SlotWatcher } from "../pci_host.ts";
import type { QtestClient } from "./qtest_client.ts";

/** Ports by which slots of a bus are taken in and out (QEMU's docs/specs/acpi_pci_hotplug.rst). */
const PCI_UP = 0xae00;
const PCI_DOWN = 0xae04;
const PCI_EJECT = 0xae08;
const PCI_SELECT = 0xae10;

/** The one bus of the machine. */
const BUS = 0;

/** General-purpose event block 0 of the chipset (ACPI 6.4 §4.8.5.1): status, and what may interrupt. */
const GPE0_STATUS = 0xafe0;
const GPE0_ENABLE = 0xafe2;
/** Its event 1 is PCI hot-plug. */
const GPE_PCI_HOTPLUG = 1 << 1;

/** The input of the interrupt controller on which ACPI interrupts. */
export const SCI_INPUT = 9;

/**
 * Slots taken in and out while the machine runs, by the registers that an operating system would use
 * for it by ACPI. `device_del` asks for a slot back, and QEMU waits until it's ejected; `device_add`
 * fills one. For both, ACPI interrupts.
 */
export class AcpiHotplug {
  readonly #qtest: QtestClient;
  readonly #line: IrqLine;
  #watcher: SlotWatcher | null = null;

  /** `line` is the one of {@link SCI_INPUT}. */
  constructor(qtest: QtestClient, line: IrqLine) {
    this.#qtest = qtest;
    this.#line = line;
  }

  /** Tells `watcher` from now on; also of what happened before. */
  watch(watcher: SlotWatcher): void {
    this.#watcher = watcher;
    this.#line.connect(() => this.#serve());
    this.#qtest.out(GPE0_ENABLE, 1, GPE_PCI_HOTPLUG);
  }

  /** The interrupt of ACPI: whether it was for hot-plug. */
  #serve(): boolean {
    if ((this.#qtest.in(GPE0_STATUS, 1) & GPE_PCI_HOTPLUG) === 0) return false;
    // Cleared first: what happens from here on interrupts again.
    this.#qtest.out(GPE0_STATUS, 1, GPE_PCI_HOTPLUG);
    this.#qtest.out(PCI_SELECT, 4, BUS);
    const down = this.#qtest.in(PCI_DOWN, 4);
    const up = this.#qtest.in(PCI_UP, 4);
    for (let slot = 0; slot < 32; slot++) {
      if ((down >>> slot & 1) !== 0) this.#eject(slot);
    }
    if (up !== 0) this.#watcher?.slotsChanged();
    return true;
  }

  #eject(slot: number): void {
    try {
      this.#watcher?.ejectRequested(slot);
    } finally {
      this.#qtest.out(PCI_EJECT, 4, 1 << slot);
    }
  }
}
