import type { PciAddress } from "../pci_address.ts";
import type { PciFunction, PciHost } from "../pci_host.ts";
import { PCI_INTERRUPT_PIN } from "../registers.ts";
import { QemuError } from "./qemu_error.ts";

/** The ISA bridge of the PIIX3 chipset, which routes the pins of PCI. */
const ISA_BRIDGE: PciAddress = { bus: 0, device: 1, function: 0 };

/** PIRQRCA to PIRQRCD (Intel 82371SB datasheet, §2.2.5): the input that each of four wires goes to. */
const PIRQ_ROUTE_CONTROL = 0x60;

/** Inputs that no other device of the machine has, for as little sharing as there can be. */
const INPUTS: readonly number[] = [5, 7, 10, 11];

/** Routes the four wires on which all functions interrupt. */
export function routePirqs(host: Pick<PciHost, "configWrite">): void {
  INPUTS.forEach((input, wire) => {
    host.configWrite(ISA_BRIDGE, PIRQ_ROUTE_CONTROL + wire, 1, input);
  });
}

/**
 * The input of the interrupt controller that a function's pin is wired to. Slots take turns, so that
 * INTA of four neighbours are four wires; slots 4, 8, … apart share one. `QemuError` when the
 * function has no pin.
 */
export function pirqInput(device: PciFunction): number {
  const pin = device.config.read(PCI_INTERRUPT_PIN, 1);
  if (pin < 1 || pin > 4) throw new QemuError(`${device.name} has no interrupt pin`);
  return INPUTS[(device.address.device - 1 + pin - 1) & 3];
}
