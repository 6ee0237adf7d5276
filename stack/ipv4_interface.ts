import { AddressError } from "./address_error.ts";
import { type AddressRange, mergeRanges } from "./address_range.ts";
import { AddressSet } from "./address_set.ts";
import * as byteSwap from "./byte_swap.ts";
import * as ipv4Address from "./ipv4_address.ts";
import {
  broadcastAddress,
  hasBroadcast,
  hostAddresses,
  type Ipv4Range,
  networkAddress,
} from "./ipv4_range.ts";

// Not imported by name, for speed: see host.ts.
const { swapInt32 } = byteSwap;
const { checkHostAddress, formatIpv4, isHostByte, LIMITED_BROADCAST } = ipv4Address;

/**
 * Our addresses in their subnets, and the way out of these. Addresses are int32. However many are
 * ours, to ask for one costs the same.
 */
export class Ipv4Interface {
  /** The one of our addresses that we send from by ourselves. */
  readonly address: number = 0;
  /** The same as memory has it: see {@link isOwnWord}. */
  readonly addressWord: number = 0;
  /** Those of our addresses that were not given as a part of a range, each once. */
  readonly singles: readonly number[];
  /** The router for everything off the subnets. */
  readonly gateway: number | null;
  /** The ends of the subnet of `address`. */
  readonly #network: number = 0;
  readonly #broadcast: number = 0;
  /** A /31 and a /32 have no network and broadcast addresses (RFC 3021 §2.1). */
  readonly #hasBroadcast: boolean = false;
  /** These two ends as memory has them; where there are none 0.0.0.0, which is no host's either. */
  readonly #networkWord: number = 0;
  readonly #broadcastWord: number = 0;
  /** All of our addresses; null when there's but one. */
  readonly #own: AddressSet | null = null;
  /** All that is on our subnets, and of these their broadcast and both addresses; null for one subnet. */
  readonly #onLink: AddressSet | null = null;
  readonly #broadcasts: AddressSet | null = null;
  readonly #ends: AddressSet | null = null;

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
    this.addressWord = swapInt32(this.address);
    this.gateway = gateway === null ? null : gateway | 0;
    const subnet = { first: this.address, last: this.address, prefixLength };
    this.#network = networkAddress(subnet);
    this.#broadcast = broadcastAddress(subnet);
    this.#hasBroadcast = hasBroadcast(subnet);
    this.#networkWord = this.#hasBroadcast ? swapInt32(this.#network) : 0;
    this.#broadcastWord = this.#hasBroadcast ? swapInt32(this.#broadcast) : 0;
    const singles = ranges.filter(({ first, last }) => first === last).map(({ first }) => first);
    this.singles = [...new Set(singles)];
    if (this.singles.length !== 1 || ranges.length !== singles.length) {
      this.#own = new AddressSet(hostAddresses(ranges));
    }
    const isElsewhere = (range: Ipv4Range): boolean =>
      networkAddress(range) !== this.#network || broadcastAddress(range) !== this.#broadcast;
    if (ranges.some(isElsewhere)) {
      const withEnds = ranges.filter(hasBroadcast);
      const broadcasts = withEnds.map(broadcastAddress);
      this.#onLink = new AddressSet(mergeRanges(ranges.map(subnetOf)));
      this.#broadcasts = setOf(broadcasts);
      this.#ends = setOf([...broadcasts, ...withEnds.map(networkAddress)]);
    }
    for (const own of [this.address, ...singles]) {
      if (this.isOwn(own) && this.isUnicast(own)) continue;
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
    return this.isOwnWord(swapInt32(address));
  }

  /** {@link isOwn} for the packet path: of an address as memory has it, as an int32. */
  isOwnWord(word: number): boolean {
    if (word === this.addressWord) return true;
    return this.#own !== null && this.#own.hasWord(word);
  }

  /** Whether the address is a broadcast address here, the limited one or a subnet's. */
  isBroadcast(address: number): boolean {
    if (address === LIMITED_BROADCAST) return true;
    if (this.#hasBroadcast && address === this.#broadcast) return true;
    return this.#broadcasts !== null && this.#broadcasts.has(address);
  }

  /** Whether the address can be one host's, as far as these subnets know. Ours count as such. */
  isUnicast(address: number): boolean {
    return this.isUnicastWord(swapInt32(address));
  }

  /** {@link isUnicast} for the packet path, as {@link isOwnWord} is. */
  isUnicastWord(word: number): boolean {
    if (!isHostByte(word & 0xff) || word === this.#networkWord || word === this.#broadcastWord) {
      return false;
    }
    return this.#ends === null || !this.#ends.hasWord(word);
  }

  /** Whether a unicast address is reached without a router. */
  isOnLink(address: number): boolean {
    if (address >= this.#network && address <= this.#broadcast) return true;
    return address === this.gateway || (this.#onLink !== null && this.#onLink.has(address));
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
    const homes = ranges.filter((range) => (
      gateway >= networkAddress(range) && gateway <= broadcastAddress(range)
    ));
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

function subnetOf(range: Ipv4Range): AddressRange {
  return { first: networkAddress(range), last: broadcastAddress(range) };
}

function setOf(addresses: readonly number[]): AddressSet {
  return new AddressSet(
    mergeRanges(addresses.map((address) => ({ first: address, last: address }))),
  );
}

function formatSubnet(range: Ipv4Range): string {
  return `${formatIpv4(networkAddress(range))}/${range.prefixLength}`;
}
