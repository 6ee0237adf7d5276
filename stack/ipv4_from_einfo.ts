import type { Netdev } from "../netdev/netdev.ts";
import type { NetdevEinfoType } from "../netdev/einfo.ts";
import { AddressError } from "./address_error.ts";
import { checkHostAddress, parseIpv4, prefixMask } from "./ipv4_address.ts";
import { Ipv4Interface } from "./ipv4_interface.ts";
import { type Ipv4Range, parseIpv4Ranges } from "./ipv4_range.ts";

/** Who a host is to be on a device, as that device was given it. */
export interface Ipv4FromEinfo {
  /** Its addresses, one at least. */
  readonly ranges: readonly Ipv4Range[];
  /** The router's address, an int32; null when none was given. */
  readonly gateway: number | null;
}

/** A netdev, as far as it's asked. */
export type EinfoSource = Pick<Netdev, "name" | "einfoGet">;

/** What is known from elsewhere, such as flags, and is not looked up then. */
export interface Ipv4Overrides {
  /** Addresses of our own, one at least. */
  readonly own?: readonly Ipv4Range[] | undefined;
  /** The router's address, an int32. */
  readonly gateway?: number | undefined;
}

/**
 * Reads the addresses out of what a netdev was given (its einfo), as far as `overrides` have none:
 * null when there's no address of our own. {@link AddressError} that names the field and its text,
 * when one can't be.
 */
export function ipv4FromEinfo(
  netdev: EinfoSource,
  overrides: Ipv4Overrides = {},
): Ipv4FromEinfo | null {
  const ranges = overrides.own ?? ownAddresses(netdev);
  if (ranges === null) return null;
  const [{ first: address, prefixLength }] = ranges;
  const gateway = overrides.gateway ?? onField(netdev, "IPV4_GW", (text) => {
    const router = parseIpv4(text);
    // The stack makes the same check when it is set up, but can't say where the address is from.
    new Ipv4Interface(address, prefixLength, router, ranges);
    return router;
  });
  return { ranges, gateway };
}

function ownAddresses(netdev: EinfoSource): readonly Ipv4Range[] | null {
  const ranges = onField(netdev, "IPV4_CIDR", parseIpv4Ranges);
  if (ranges !== null) return ranges;
  const address = onField(netdev, "IPV4_ADDR", parseIpv4);
  if (address === null) return null;
  const prefixLength = onField(netdev, "IPV4_MASK", parseMask);
  if (prefixLength === null) {
    throw new AddressError(`IPV4_MASK of ${netdev.name}: an address needs one, and it isn't set`);
  }
  onField(netdev, "IPV4_ADDR", () => checkHostAddress(address, prefixLength));
  return [{ first: address, last: address, prefixLength }];
}

/** Bits of the prefix that a network mask such as 255.255.255.0 leaves. */
function parseMask(text: string): number {
  const mask = parseIpv4(text);
  const prefixLength = Math.clz32(~mask);
  if (prefixMask(prefixLength) === mask) return prefixLength;
  throw new AddressError(`network mask "${text}": ones and then zeros are needed, and a one first`);
}

/** What `parse` makes of a field, null when that isn't set. A complaint names the field. */
function onField<T>(
  netdev: EinfoSource,
  type: NetdevEinfoType,
  parse: (text: string) => T,
): T | null {
  const text = netdev.einfoGet(type);
  if (text === null) return null;
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new AddressError(`${type} of ${netdev.name}: ${error.message}`);
  }
}
