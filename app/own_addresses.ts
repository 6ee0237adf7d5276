import { firstCommon } from "../stack/address_range.ts";
import { Ipv4Interface } from "../stack/ipv4_interface.ts";
import { hostAddresses } from "../stack/ipv4_range.ts";
import { type Ipv4Range, parseIpv4, parseIpv4Ranges } from "../stack/mod.ts";

/*
 * What can be said of a host's addresses before its device is opened. The stack makes the same checks,
 * but by then it would be late.
 */

/** Reads the addresses of one host. `AddressError` when one can't be, or not beside another. */
export function parseOwnAddresses(text: string): readonly Ipv4Range[] {
  const ranges = parseIpv4Ranges(text);
  hostOf(ranges, null);
  return ranges;
}

/** Reads the router of a host with these addresses. `AddressError` when it can't be one. */
export function parseGateway(text: string, ranges: readonly Ipv4Range[]): number {
  const gateway = parseIpv4(text);
  hostOf(ranges, gateway);
  return gateway;
}

/** The router, if a host with these addresses reaches it and isn't it; else null. */
export function ownGateway(gateway: number, ranges: readonly Ipv4Range[]): number | null {
  const host = hostOf(ranges, null);
  return host.isOnLink(gateway) && !host.isOwn(gateway) ? gateway : null;
}

/** The lowest address that two hosts would both have, or null. */
export function commonAddress(
  some: readonly Ipv4Range[],
  others: readonly Ipv4Range[],
): number | null {
  return firstCommon(hostAddresses(some), hostAddresses(others));
}

/** The host, which sends from the first address by itself. */
export function hostOf(ranges: readonly Ipv4Range[], gateway: number | null): Ipv4Interface {
  const [{ first, prefixLength }] = ranges;
  return new Ipv4Interface(first, prefixLength, gateway, ranges);
}
