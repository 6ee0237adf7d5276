import { AddressError } from "./address_error.ts";

/*
 * An IPv4 address is an int32, its first byte on top: 10.0.2.15 is 0x0a00020f and 192.0.2.1 is
 * negative. As an unsigned number it would leave V8's small integers and allocate as a map key.
 */

/** 255.255.255.255, the limited broadcast address (RFC 1122 §3.2.1.3). */
export const LIMITED_BROADCAST = -1;

/** An address and the length of its network prefix, as `10.0.2.15/24` gives them. */
export interface Ipv4Cidr {
  /** The address, an int32. */
  readonly address: number;
  /** Bits of the network prefix, 1 to 32. */
  readonly prefixLength: number;
}

/** Reads `10.0.2.15` into an int32. {@link AddressError} for anything but four decimal bytes. */
export function parseIpv4(text: string): number {
  const parts = text.split(".");
  if (parts.length !== 4) {
    throw new AddressError(
      `IPv4 address "${text}": four numbers with dots are needed, as in 10.0.2.15`,
    );
  }
  let address = 0;
  for (const part of parts) {
    // Some parsers take a leading zero as octal, so it is refused rather than guessed at.
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) {
      throw new AddressError(
        `IPv4 address "${text}": "${part}" is no decimal number from 0 to 255 without leading zeros`,
      );
    }
    address = address << 8 | Number(part);
  }
  return address;
}

/** Writes an int32 as `10.0.2.15`. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${address >>> 16 & 255}.${address >>> 8 & 255}.${address & 255}`;
}

/**
 * Reads `10.0.2.15/24`, an address to call one's own. {@link AddressError} for another form, a
 * prefix outside 1 to 32, and an address that no host can have (see {@link checkHostAddress}).
 */
export function parseIpv4Cidr(text: string): Ipv4Cidr {
  const slash = text.indexOf("/");
  if (slash < 0) {
    throw new AddressError(
      `IPv4 address "${text}": its prefix length is missing, as in 10.0.2.15/24`,
    );
  }
  const prefixLength = parsePrefixLength(text.slice(slash + 1), text);
  const cidr = { address: parseIpv4(text.slice(0, slash)), prefixLength };
  checkHostAddress(cidr.address, cidr.prefixLength);
  return cidr;
}

/** Reads the 24 of `10.0.2.15/24`. {@link AddressError}, with that `text`, unless it's 1 to 32. */
export function parsePrefixLength(prefix: string, text: string): number {
  const isNumber = /^[0-9]{1,2}$/.test(prefix);
  const prefixLength = Number(prefix);
  if (isNumber && prefixLength >= 1 && prefixLength <= 32) return prefixLength;
  const what = isNumber ? prefixLength : `"${prefix}"`;
  throw new AddressError(`prefix length ${what} of "${text}": a number from 1 to 32 is needed`);
}

/** The network mask of a prefix of 1 to 32 bits, an int32. */
export function prefixMask(prefixLength: number): number {
  return -1 << (32 - prefixLength);
}

/**
 * Whether an address can be some host's on a network at all, leaving subnets aside: not 0/8
 * ("this network"), 127/8, multicast, or 240/4 with the limited broadcast (RFC 1122 §3.2.1.3,
 * RFC 6890 §2.2.2).
 */
export function isHostAddress(address: number): boolean {
  return isHostByte(address >>> 24);
}

/** {@link isHostAddress}, of which the first byte alone decides. */
export function isHostByte(first: number): boolean {
  return first !== 0 && first !== 127 && first < 224;
}

/** Whether an address is multicast, 224/4 (RFC 1112 §4). */
export function isMulticast(address: number): boolean {
  return address >>> 28 === 0xe;
}

/**
 * {@link AddressError} unless `address` (int32) can be a host's in a subnet of this prefix length.
 * Host parts of all zeros or all ones are refused where the subnet has them (RFC 1122 §3.2.1.3),
 * which a /31 (RFC 3021) and a /32 do not.
 */
export function checkHostAddress(address: number, prefixLength: number): void {
  if (!Number.isInteger(prefixLength) || prefixLength < 1 || prefixLength > 32) {
    throw new AddressError(
      `prefix length ${prefixLength} of ${formatIpv4(address)}: a number from 1 to 32 is needed`,
    );
  }
  const text = `${formatIpv4(address)}/${prefixLength}`;
  if (!isHostAddress(address)) throw new AddressError(`address ${text}: ${whyNoHost(address)}`);
  if (prefixLength >= 31) return;
  const host = address & ~prefixMask(prefixLength);
  if (host === 0) throw new AddressError(`address ${text}: this is the subnet itself`);
  if (host === ~prefixMask(prefixLength)) {
    throw new AddressError(`address ${text}: this is the subnet's broadcast address`);
  }
}

function whyNoHost(address: number): string {
  if (address >>> 24 === 0) return "0/8 means this network, not a host";
  if (address >>> 24 === 127) return "127/8 is loopback";
  if (isMulticast(address)) return "224/4 is multicast";
  if (address === LIMITED_BROADCAST) return "this is the limited broadcast address";
  return "240/4 is reserved";
}
