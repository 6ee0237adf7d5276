import type { Netbuf } from "../netdev/netbuf.ts";
import * as checksum from "./checksum.ts";
import type { Counters } from "./counters.ts";
import { DropReason } from "./drop_reason.ts";
import * as ethernet from "./ethernet.ts";
import type { Icmp } from "./icmp.ts";
import * as byteSwap from "./byte_swap.ts";
import { isMulticast } from "./ipv4_address.ts";
import * as ipv4Header from "./ipv4_header.ts";
import type { Ipv4Interface } from "./ipv4_interface.ts";
import { checkIpv4Options, OptionsCheck } from "./ipv4_options.ts";
import { trimChain } from "./netbuf_chain.ts";
import type { Verdict } from "./verdict.ts";

// Not imported by name, for speed: see host.ts.
const {
  headerLength,
  headerSum,
  IPV4_HEADER_BYTES,
  isFragment,
  protocol,
  PROTOCOL_ICMP,
  totalLength,
  version,
} = ipv4Header;
const { ETHERNET_HEADER_BYTES } = ethernet;
const { onesComplementSum } = checksum;
const { swapInt32 } = byteSwap;

/** The Internet Protocol, as a host receives it (RFC 791, RFC 1122 §3.2.1). */
export class Ipv4 {
  readonly #interface: Ipv4Interface;
  readonly #icmp: Icmp;
  readonly #counters: Counters;

  constructor(ipv4Interface: Ipv4Interface, icmp: Icmp, counters: Counters) {
    this.#interface = ipv4Interface;
    this.#icmp = icmp;
    this.#counters = counters;
  }

  /** Takes in a frame of EtherType IPv4, and whether it came as a link-layer broadcast. */
  input(netbuf: Netbuf, isLinkBroadcast: boolean): Verdict {
    const { region } = netbuf;
    const header = netbuf.data + ETHERNET_HEADER_BYTES;
    const available = netbuf.length - ETHERNET_HEADER_BYTES;
    if (available < IPV4_HEADER_BYTES) {
      return this.#counters.drop(
        netbuf.next === null ? DropReason.IPV4_TRUNCATED : DropReason.NETBUF_HEADERS_SPLIT,
      );
    }
    const { u32 } = region;
    const first = header >> 2;
    const word0 = u32[first];
    if (version(word0) !== 4) return this.#counters.drop(DropReason.IPV4_BAD_VERSION);
    const headerBytes = headerLength(word0);
    if (headerBytes < IPV4_HEADER_BYTES) {
      return this.#counters.drop(DropReason.IPV4_BAD_HEADER_LENGTH);
    }
    // What follows the total length is padding, or no part of the packet at any rate.
    const totalBytes = totalLength(word0);
    if (totalBytes < headerBytes) return this.#counters.drop(DropReason.IPV4_BAD_TOTAL_LENGTH);
    if (totalBytes > available) {
      if (netbuf.chainLength() - ETHERNET_HEADER_BYTES < totalBytes) {
        return this.#counters.drop(DropReason.IPV4_TRUNCATED);
      }
      if (available < headerBytes) return this.#counters.drop(DropReason.NETBUF_HEADERS_SPLIT);
    }
    const word1 = u32[first + 1];
    const word2 = u32[first + 2];
    const word3 = u32[first + 3];
    const word4 = u32[first + 4];
    const sum = headerBytes === IPV4_HEADER_BYTES
      ? headerSum(word0, word1, word2, word3, word4)
      : onesComplementSum(region, header, headerBytes);
    if (sum !== 0xffff) return this.#counters.drop(DropReason.IPV4_BAD_CHECKSUM);
    // Addresses as memory has them, but int32.
    const source = word3 | 0;
    const destination = word4 | 0;
    if (this.#interface.isOwnWord(destination) !== true) {
      return this.#counters.drop(this.#notOurs(swapInt32(destination)));
    }
    if (isLinkBroadcast === true) {
      return this.#counters.drop(DropReason.IPV4_UNICAST_IN_BROADCAST);
    }
    if (this.#interface.isOwnWord(source)) {
      return this.#counters.drop(DropReason.IPV4_OWN_SOURCE);
    }
    if (!this.#interface.isUnicastWord(source)) {
      return this.#counters.drop(DropReason.IPV4_MARTIAN_SOURCE);
    }
    if (headerBytes > IPV4_HEADER_BYTES) {
      const optionBytes = headerBytes - IPV4_HEADER_BYTES;
      const check = checkIpv4Options(region, header + IPV4_HEADER_BYTES, optionBytes);
      if (check === OptionsCheck.SOURCE_ROUTE) {
        return this.#counters.drop(DropReason.IPV4_SOURCE_ROUTE);
      }
      if (check !== OptionsCheck.OK) return this.#counters.drop(DropReason.IPV4_BAD_OPTION);
    }
    if (isFragment(word1)) return this.#counters.drop(DropReason.IPV4_FRAGMENT);
    if (protocol(word2) !== PROTOCOL_ICMP) {
      return this.#counters.drop(DropReason.IPV4_UNKNOWN_PROTOCOL);
    }
    if (netbuf.next !== null) trimChain(netbuf, ETHERNET_HEADER_BYTES + totalBytes);
    return this.#icmp.input(netbuf, source, destination, headerBytes, totalBytes);
  }

  /** Why a packet to none of our addresses is dropped. */
  #notOurs(destination: number): DropReason {
    if (this.#interface.isBroadcast(destination)) return DropReason.IPV4_BROADCAST;
    if (isMulticast(destination)) return DropReason.IPV4_MULTICAST;
    return DropReason.IPV4_OTHER_DESTINATION;
  }
}
