import { AddressError } from "./address_error.ts";
import {
  checkHostAddress,
  formatIpv4,
  isHostAddress,
  LIMITED_BROADCAST,
  prefixMask,
} from "./ipv4_address.ts";

/** Our address in its subnet, and the way out of it. Addresses are int32. */
export class Ipv4Interface {
  /** Our own address. */
  readonly address: number = 0;
  /** The router for everything off the subnet. */
  readonly gateway: number | null;
  readonly #mask: number = 0;
  readonly #network: number = 0;
  readonly #broadcast: number = 0;
  /** A /31 and a /32 have no network and broadcast addresses (RFC 3021 §2.1). */
  readonly #hasBroadcast: boolean = false;

  /**
   * {@link AddressError} when no host can have the address, or the gateway is ourselves or outside
   * the subnet. From a /32, where everybody is outside, any gateway is reached on the link.
   */
  constructor(address: number, prefixLength: number, gateway: number | null) {
    checkHostAddress(address, prefixLength);
    this.address = address | 0;
    this.gateway = gateway === null ? null : gateway | 0;
    this.#mask = prefixMask(prefixLength);
    this.#network = address & this.#mask;
    this.#broadcast = this.#network | ~this.#mask;
    this.#hasBroadcast = prefixLength < 31;
    if (gateway === null) return;
    checkHostAddress(gateway, prefixLength);
    if (this.gateway === this.address) {
      throw new AddressError(`gateway ${formatIpv4(gateway)}: this is our own address`);
    }
    if (prefixLength < 32 && !this.#inSubnet(gateway)) {
      throw new AddressError(
        `gateway ${formatIpv4(gateway)}: outside ${formatIpv4(this.#network)}/${prefixLength}`,
      );
    }
  }

  /** Whether the address is a broadcast address here, the limited one or the subnet's. */
  isBroadcast(address: number): boolean {
    return address === LIMITED_BROADCAST || (this.#hasBroadcast && address === this.#broadcast);
  }

  /** Whether the address can be one host's, as far as this subnet knows. Ours counts as such. */
  isUnicast(address: number): boolean {
    if (!isHostAddress(address)) return false;
    return !this.#hasBroadcast || (address !== this.#network && address !== this.#broadcast);
  }

  /** Whether a unicast address is reached without a router. */
  isOnLink(address: number): boolean {
    return this.#inSubnet(address) || address === this.gateway;
  }

  /**
   * Whom to hand a packet for this destination to on the link, an int32, or 0 when there is no way:
   * no host has the destination, it is ourselves, or it is off the subnet and there is no gateway.
   */
  nextHop(destination: number): number {
    if (!this.isUnicast(destination) || destination === this.address) return 0;
    if (this.isOnLink(destination)) return destination;
    return this.gateway ?? 0;
  }

  #inSubnet(address: number): boolean {
    return (address & this.#mask) === this.#network;
  }
}
