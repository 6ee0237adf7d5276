import { AddressError } from "./address_error.ts";
import { mergeRanges } from "./address_range.ts";
import { AddressSet } from "./address_set.ts";
import { checkHostAddress, formatIpv4, isHostAddress, LIMITED_BROADCAST } from "./ipv4_address.ts";
import {
  broadcastAddress,
  hasBroadcast,
  hostAddresses,
  type Ipv4Range,
  networkAddress,
} from "./ipv4_range.ts";

/**
 * Our addresses in their subnets, and the way out of these. Addresses are int32. However many are
 * ours, to ask for one costs the same.
 */
export class Ipv4Interface {
  /** The one of our addresses that we send from by ourselves. */
  readonly address: number = 0;
  /** Those of our addresses that were not given as a part of a range, each once. */
  readonly singles: readonly number[];
  /** The router for everything off the subnets. */
  readonly gateway: number | null;
  readonly #own: AddressSet;
  readonly #onLink: AddressSet;
  /** Of the subnets that have them. */
  readonly #networks: AddressSet;
  readonly #broadcasts: AddressSet;

  /**
   * `ranges` are all of our addresses, `address` included; by default there is no other.
   * {@link AddressError} when no host can have a range's first or last address, or a single one, in
   * any of the subnets; and when the gateway is ourselves or outside the subnets. From a /32, where
   * everybody is outside, any gateway is reached on the link.
   */
  constructor(
    address: number,
    prefixLength: number,
    gateway: number | null,
    ranges: readonly Ipv4Range[] = [{ first: address | 0, last: address | 0, prefixLength }],
  ) {
    for (const { first, last, prefixLength } of ranges) {
      checkHostAddress(first, prefixLength);
      checkHostAddress(last, prefixLength);
    }
    this.address = address | 0;
    const singles = ranges.filter(({ first, last }) => first === last).map(({ first }) => first);
    this.singles = [...new Set(singles)];
    this.gateway = gateway === null ? null : gateway | 0;
    this.#own = new AddressSet(hostAddresses(ranges));
    const subnets = ranges.filter(hasBroadcast);
    this.#networks = setOf(subnets.map(networkAddress));
    this.#broadcasts = setOf(subnets.map(broadcastAddress));
    this.#onLink = new AddressSet(mergeRanges(ranges.map((range) => (
      { first: networkAddress(range), last: broadcastAddress(range) }
    ))));
    for (const own of [this.address, ...singles]) {
      if (this.#own.has(own)) continue;
      throw new AddressError(
        `address ${
          formatIpv4(own)
        }: another subnet of ours is called so, or its broadcast address is`,
      );
    }
    if (gateway !== null) this.#checkGateway(gateway, ranges);
  }

  /** Whether the address is one of ours. */
  isOwn(address: number): boolean {
    return this.#own.has(address);
  }

  /** Whether the address is a broadcast address here, the limited one or a subnet's. */
  isBroadcast(address: number): boolean {
    return address === LIMITED_BROADCAST || this.#broadcasts.has(address);
  }

  /** Whether the address can be one host's, as far as these subnets know. Ours count as such. */
  isUnicast(address: number): boolean {
    return isHostAddress(address) && !this.#networks.has(address) && !this.#broadcasts.has(address);
  }

  /** Whether a unicast address is reached without a router. */
  isOnLink(address: number): boolean {
    return this.#onLink.has(address) || address === this.gateway;
  }

  /**
   * Whom to hand a packet for this destination to on the link, an int32, or 0 when there is no way:
   * no host has the destination, it is ourselves, or it is off the subnets and there is no gateway.
   */
  nextHop(destination: number): number {
    if (!this.isUnicast(destination) || this.isOwn(destination)) return 0;
    if (this.isOnLink(destination)) return destination;
    return this.gateway ?? 0;
  }

  #checkGateway(gateway: number, ranges: readonly Ipv4Range[]): void {
    checkHostAddress(gateway, 32);
    const homes = ranges.filter((range) => isInSubnet(gateway, range));
    for (const { prefixLength } of homes) checkHostAddress(gateway, prefixLength);
    if (this.isOwn(gateway)) {
      throw new AddressError(`gateway ${formatIpv4(gateway)}: this is our own address`);
    }
    const anywhere = ranges.some(({ prefixLength }) => prefixLength === 32);
    if (homes.length === 0 && !anywhere) {
      throw new AddressError(
        `gateway ${formatIpv4(gateway)}: outside ${ranges.map(formatSubnet).join(" and ")}`,
      );
    }
  }
}

function setOf(addresses: readonly number[]): AddressSet {
  return new AddressSet(
    mergeRanges(addresses.map((address) => ({ first: address, last: address }))),
  );
}

function isInSubnet(address: number, range: Ipv4Range): boolean {
  return address >= networkAddress(range) && address <= broadcastAddress(range);
}

function formatSubnet(range: Ipv4Range): string {
  return `${formatIpv4(networkAddress(range))}/${range.prefixLength}`;
}
