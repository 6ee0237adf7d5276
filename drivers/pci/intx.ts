import type { PciFunction } from "./pci_host.ts";
import { PCI_COMMAND, PCI_COMMAND_INTX_DISABLE } from "./registers.ts";

/** Lets a function assert its INTx pin, or stops it from doing so (PCI 3.0 §6.2.2). */
export function allowIntx(device: PciFunction, allowed: boolean): void {
  const command = device.config.read(PCI_COMMAND, 2);
  const others = command & ~PCI_COMMAND_INTX_DISABLE;
  device.config.write(PCI_COMMAND, 2, allowed ? others : others | PCI_COMMAND_INTX_DISABLE);
}
