import { AddressError } from "./address_error.ts";
import { type AddressRange, mergeRanges, withoutAddresses } from "./address_range.ts";
import {
  checkHostAddress,
  formatIpv4,
  isHostAddress,
  parseIpv4,
  parseIpv4Cidr,
  parsePrefixLength,
  prefixMask,
} from "./ipv4_address.ts";

/** Addresses of one host, in a subnet that holds them all; a single one is its own first and last. */
export interface Ipv4Range extends AddressRange {
  /** Bits of the network prefix, 1 to 32. */
  readonly prefixLength: number;
}

/**
 * Reads addresses to call one's own, as `10.0.2.15/24`, `10.9.0.0-10.9.255.255/8`, and lists of
 * these with commas; one at least. A range may do without a prefix: it's in the smallest subnet in
 * which each of its addresses can be a host's. Of one that takes in the ends of its subnet these are
 * left out, as they are no host's. {@link AddressError} for another form, addresses that no host can
 * have, and a range outside its subnet, the wrong way round, or of nothing.
 */
export function parseIpv4Ranges(text: string): readonly Ipv4Range[] {
  return text.split(",").map((item) => item.includes("-") ? parseRange(item) : parseSingle(item));
}

/** Writes ranges as {@link parseIpv4Ranges} reads them. */
export function formatIpv4Ranges(ranges: readonly Ipv4Range[]): string {
  return ranges.map(({ first, last, prefixLength }) => {
    const end = first === last ? "" : `-${formatIpv4(last)}`;
    return `${formatIpv4(first)}${end}/${prefixLength}`;
  }).join(",");
}

/**
 * The addresses that a host with these ranges has: merged, and without the network and broadcast
 * addresses of any of its subnets, which may be in the middle of another one's range.
 */
export function hostAddresses(ranges: readonly Ipv4Range[]): AddressRange[] {
  const subnets = ranges.filter(hasBroadcast);
  const ends = [...subnets.map(networkAddress), ...subnets.map(broadcastAddress)];
  return withoutAddresses(mergeRanges(ranges), ends);
}

/** The lowest address of a range's subnet: the subnet itself, where it {@link hasBroadcast}. */
export function networkAddress({ first, prefixLength }: Ipv4Range): number {
  return first & prefixMask(prefixLength);
}

/** The highest address of its subnet. */
export function broadcastAddress({ first, prefixLength }: Ipv4Range): number {
  return first | ~prefixMask(prefixLength);
}

/** A /31 and a /32 have no network and broadcast addresses (RFC 3021 §2.1). */
export function hasBroadcast({ prefixLength }: Ipv4Range): boolean {
  return prefixLength < 31;
}

function parseSingle(item: string): Ipv4Range {
  const { address, prefixLength } = parseIpv4Cidr(item);
  return { first: address, last: address, prefixLength };
}

function parseRange(item: string): Ipv4Range {
  const [addresses, prefix, ...more] = item.split("/");
  const [from, to, ...others] = addresses.split("-");
  if (others.length > 0 || more.length > 0) {
    throw new AddressError(
      `IPv4 addresses "${item}": two with a dash are needed, as in 10.9.0.0-10.9.255.255/16`,
    );
  }
  const whole = { first: parseIpv4(from), last: parseIpv4(to) };
  checkRange(item, whole);
  const prefixLength = prefix === undefined
    ? smallestPrefix(whole)
    : parsePrefixLength(prefix, item);
  const range = { ...whole, prefixLength };
  const network = networkAddress(range);
  if (broadcastAddress(range) < whole.last) {
    throw new AddressError(
      `IPv4 addresses "${item}": ${to} is outside ${formatIpv4(network)}/${prefixLength}`,
    );
  }
  return withoutEnds(item, range);
}

/** Every address in between is a host's, as far as that doesn't depend on a subnet. */
function checkRange(item: string, { first, last }: AddressRange): void {
  if (first >>> 0 > last >>> 0) {
    throw new AddressError(`IPv4 addresses "${item}": the first one is above the last one`);
  }
  // By their first bytes, of which neighbours may be of different kinds.
  for (let top = first >>> 24; top <= last >>> 24; top++) {
    if (!isHostAddress(top << 24)) checkHostAddress(top === first >>> 24 ? first : top << 24, 32);
  }
}

/** Bits of the prefix of the smallest subnet which has the range between its ends. */
function smallestPrefix({ first, last }: AddressRange): number {
  if (first === last) return 32;
  const common = Math.clz32(first ^ last);
  if (common === 31) return 31;
  for (let prefixLength = common; prefixLength > 1; prefixLength--) {
    const range = { first, last, prefixLength };
    if (networkAddress(range) !== first && broadcastAddress(range) !== last) return prefixLength;
  }
  return 1;
}

function withoutEnds(item: string, range: Ipv4Range): Ipv4Range {
  if (!hasBroadcast(range)) return range;
  const first = range.first === networkAddress(range) ? range.first + 1 : range.first;
  const last = range.last === broadcastAddress(range) ? range.last - 1 : range.last;
  if (first <= last) return { ...range, first, last };
  throw new AddressError(
    `IPv4 addresses "${item}": its subnet and its broadcast address are no host's, and there's no other`,
  );
}
