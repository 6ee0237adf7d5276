import { PciError } from "./pci_error.ts";
import type { AccessWidth } from "./pci_address.ts";
import {
  PCI_BASE_ADDRESS_0,
  PCI_BASE_ADDRESS_COUNT,
  PCI_BASE_ADDRESS_IO_MASK,
  PCI_BASE_ADDRESS_MEM_MASK,
  PCI_BASE_ADDRESS_SPACE_IO,
  PCI_BASE_ADDRESS_TYPE_64,
} from "./registers.ts";

/** What a BAR decodes: memory addresses, or I/O ports. */
export type BarSpace = "memory" | "io";

/** One base address register, sized and placed. */
export interface Bar {
  /** Number of the (first) register, 0 to 5. */
  readonly index: number;
  readonly space: BarSpace;
  readonly byteLength: number;
  /** Bus address of its first byte, or its first port. */
  readonly address: number;
}

/** Access to the configuration space of one function. */
export interface ConfigSpace {
  read(offset: number, width: AccessWidth): number;
  write(offset: number, width: AccessWidth, value: number): void;
}

/** Finds a free address for a BAR: a multiple of its length. */
export type PlaceBar = (byteLength: number, space: BarSpace) => number;

/**
 * Sizes every BAR of a function (PCI 3.0 §6.2.5.1: write all ones, read back which bits stick) and
 * gives each an address from `place`. Decoding must be off meanwhile. Each is appended to `bars` as
 * soon as it has its place, so that nothing is lost when a later one fails. `PciError` for a BAR
 * whose size is no power of two or whose second half is missing.
 */
export function placeBars(config: ConfigSpace, place: PlaceBar, bars: Bar[]): void {
  let index = 0;
  while (index < PCI_BASE_ADDRESS_COUNT) {
    const offset = PCI_BASE_ADDRESS_0 + 4 * index;
    const original = config.read(offset, 4);
    const space = spaceOf(original);
    const wide = space === "memory" && (original & PCI_BASE_ADDRESS_TYPE_64) !== 0;
    if (wide && index === PCI_BASE_ADDRESS_COUNT - 1) {
      throw new PciError(`BAR ${index} claims 64 bits, of which half lie behind the last register`);
    }
    config.write(offset, 4, 0xffff_ffff);
    const byteLength = lengthOf(space, config.read(offset, 4));
    if (byteLength > 0) {
      checkLength(index, byteLength);
      const address = place(byteLength, space);
      bars.push({ index, space, byteLength, address });
      config.write(offset, 4, address >>> 0);
      if (wide) config.write(offset + 4, 4, Math.floor(address / 2 ** 32));
    }
    index += wide ? 2 : 1;
  }
}

function spaceOf(bar: number): BarSpace {
  return (bar & PCI_BASE_ADDRESS_SPACE_IO) === 0 ? "memory" : "io";
}

/**
 * Length by what stuck of all ones, 0 where there is no BAR. Only the low register counts, as no
 * device here has a BAR of 4 GiB or more; the upper half of an I/O BAR may be fixed at zero.
 */
function lengthOf(space: BarSpace, stuck: number): number {
  if (space === "memory") {
    const mask = stuck & PCI_BASE_ADDRESS_MEM_MASK;
    return mask === 0 ? 0 : (~mask >>> 0) + 1;
  }
  const mask = stuck & PCI_BASE_ADDRESS_IO_MASK;
  return mask === 0 ? 0 : (~mask & 0xffff) + 1;
}

function checkLength(index: number, byteLength: number): void {
  if ((byteLength & (byteLength - 1)) === 0) return;
  throw new PciError(`BAR ${index} claims ${byteLength} bytes, which is no power of two`);
}
