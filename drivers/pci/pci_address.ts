/** Bytes of one access to configuration space. */
export type AccessWidth = 1 | 2 | 4;

/** Where a function sits: bus, device and function number. */
export interface PciAddress {
  readonly bus: number;
  /** 0 to 31. */
  readonly device: number;
  /** 0 to 7. */
  readonly function: number;
}

/** As lspci writes it: `00:02.0`. */
export function formatPciAddress(address: PciAddress): string {
  return `${hex2(address.bus)}:${hex2(address.device)}.${address.function}`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, "0");
}
