import { PciError } from "./pci_error.ts";
import type { AccessWidth } from "./pci_address.ts";
import {
  PCI_BASE_ADDRESS_0,
  PCI_BASE_ADDRESS_COUNT,
  PCI_BASE_ADDRESS_MEM_MASK,
  PCI_BASE_ADDRESS_SPACE_IO,
  PCI_BASE_ADDRESS_TYPE_64,
} from "./registers.ts";

/** One base address register, sized and placed. */
export interface Bar {
  /** Number of the (first) register, 0 to 5. */
  readonly index: number;
  readonly byteLength: number;
  /** Bus address of its first byte. */
  readonly address: number;
}

/** Access to the configuration space of one function. */
export interface ConfigSpace {
  read(offset: number, width: AccessWidth): number;
  write(offset: number, width: AccessWidth, value: number): void;
}

/**
 * Sizes every memory BAR of a function (PCI 3.0 §6.2.5.1: write all ones, read back which bits
 * stick) and gives each an address from `place`. Memory decoding must be off meanwhile. I/O BARs
 * are left unplaced. `PciError` for a BAR whose size is no power of two or
 * whose second half is missing.
 */
export function placeBars(config: ConfigSpace, place: (byteLength: number) => number): Bar[] {
  const bars: Bar[] = [];
  let index = 0;
  while (index < PCI_BASE_ADDRESS_COUNT) {
    const offset = PCI_BASE_ADDRESS_0 + 4 * index;
    const original = config.read(offset, 4);
    const wide = isMemory(original) && (original & PCI_BASE_ADDRESS_TYPE_64) !== 0;
    if (wide && index === PCI_BASE_ADDRESS_COUNT - 1) {
      throw new PciError(`BAR ${index} claims 64 bits, of which half lie behind the last register`);
    }
    if (isMemory(original)) {
      const byteLength = barLength(config, offset);
      if (byteLength > 0) {
        checkLength(index, byteLength);
        const address = place(byteLength);
        config.write(offset, 4, address >>> 0);
        if (wide) config.write(offset + 4, 4, Math.floor(address / 2 ** 32));
        bars.push({ index, byteLength, address });
      }
    }
    index += wide ? 2 : 1;
  }
  return bars;
}

function isMemory(bar: number): boolean {
  return (bar & PCI_BASE_ADDRESS_SPACE_IO) === 0;
}

/** Length by the low register alone: no device here has a BAR of 4 GiB or more. */
function barLength(config: ConfigSpace, offset: number): number {
  config.write(offset, 4, 0xffff_ffff);
  const mask = config.read(offset, 4) & PCI_BASE_ADDRESS_MEM_MASK;
  return mask === 0 ? 0 : (~mask >>> 0) + 1;
}

function checkLength(index: number, byteLength: number): void {
  if ((byteLength & (byteLength - 1)) === 0) return;
  throw new PciError(`BAR ${index} claims ${byteLength} bytes, which is no power of two`);
}
