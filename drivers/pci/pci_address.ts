/** Bytes of one access to configuration space. */
export type AccessWidth = 1 | 2 | 4;

/** Where a function sits: bus, device and function number. */
export interface PciAddress {
  /** Which of several hierarchies of busses the bus is in, on large machines; default 0. */
  readonly domain?: number;
  readonly bus: number;
  /** 0 to 31. */
  readonly device: number;
  /** 0 to 7. */
  readonly function: number;
}

/** As lspci writes it: `00:02.0`, with the domain in front where that isn't 0. */
export function formatPciAddress(address: PciAddress): string {
  const { domain = 0, bus, device } = address;
  const front = domain === 0 ? "" : `${hex(domain, 4)}:`;
  return `${front}${hex(bus, 2)}:${hex(device, 2)}.${address.function}`;
}

/** As sysfs writes it, always with the domain: `0000:00:02.0`. */
export function formatWholePciAddress(address: PciAddress): string {
  return `${hex(address.domain ?? 0, 4)}:${formatPciAddress({ ...address, domain: 0 })}`;
}

/** Reads an address with or without a domain; null for what is none. */
export function parsePciAddress(text: string): PciAddress | null {
  const pattern = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/i;
  const [, domain = "0", bus, device, number] = pattern.exec(text) ?? [];
  if (number === undefined) return null;
  const [d, b, s] = [domain, bus, device].map((digits) => parseInt(digits, 16));
  const address = { bus: b, device: s, function: Number(number) };
  return d === 0 ? address : { domain: d, ...address };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
