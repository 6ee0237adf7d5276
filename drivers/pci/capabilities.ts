import type { ConfigSpace } from "./base_address.ts";
import { PciError } from "./pci_error.ts";
import { PCI_CAPABILITIES_POINTER, PCI_STATUS, PCI_STATUS_CAP_LIST } from "./registers.ts";

/** One entry of the capability list. */
export interface Capability {
  readonly id: number;
  /** Byte offset of its first byte in configuration space. */
  readonly offset: number;
}

/** Capabilities lie behind the 64-byte header, on 4-byte boundaries: there can't be more than 48. */
const FIRST_OFFSET = 0x40;
const MAX_CAPABILITIES = (0x100 - FIRST_OFFSET) / 4;

/**
 * Walks the capability list (PCI 3.0 §6.7). `PciError` for a pointer into the header, and for a list
 * that doesn't end: a device could otherwise keep its driver walking for ever.
 */
export function readCapabilities(config: ConfigSpace): Capability[] {
  const capabilities: Capability[] = [];
  if ((config.read(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST) === 0) return capabilities;
  // The two low bits of every pointer are reserved and to be masked.
  let offset = config.read(PCI_CAPABILITIES_POINTER, 1) & ~3;
  while (offset !== 0) {
    if (offset < FIRST_OFFSET) {
      throw new PciError(`capability pointer 0x${offset.toString(16)} points into the header`);
    }
    if (capabilities.length === MAX_CAPABILITIES) {
      throw new PciError(`capability list runs in a circle at 0x${offset.toString(16)}`);
    }
    capabilities.push({ id: config.read(offset, 1), offset });
    offset = config.read(offset + 1, 1) & ~3;
  }
  return capabilities;
}
