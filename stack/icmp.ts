import type { Netbuf } from "../netdev/netbuf.ts";
import type { Arp } from "./arp.ts";
import * as byteSwap from "./byte_swap.ts";
import * as counters from "./counters.ts";
import type { Counters } from "./counters.ts";
import { DropReason } from "./drop_reason.ts";
import * as ethernet from "./ethernet.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { HostObserver } from "./host_observer.ts";
import * as icmpEcho from "./icmp_echo.ts";
import * as ipv4Header from "./ipv4_header.ts";
import type { Ipv4Interface } from "./ipv4_interface.ts";
import { macHead, macTail } from "./mac_address.ts";
import { chainSum, extendChain } from "./netbuf_chain.ts";
import { leaveChecksum } from "./partial_checksum.ts";
import { PeerSet } from "./peer_set.ts";
import { SendResult } from "./send_result.ts";
import * as verdict from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

// Not imported by name, for speed: see host.ts.
const { swapInt32 } = byteSwap;
const { ECHO_REPLY_RECEIVED, ECHO_REQUEST_ANSWERED, ECHO_REQUEST_SENT } = counters.Activity;
const { CONSUMED, REPLY } = verdict.Verdict;
const {
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_BYTES,
  ETHERTYPE_IPV4,
  ethernetWord1,
  ethernetWord2,
  finishChain,
  finishFrame,
  sourceHead,
  sourceTail,
  writeEthernetHeader,
} = ethernet;
const {
  echoIdentifier,
  echoSequence,
  ICMP_CHECKSUM_OFFSET,
  ICMP_DESTINATION_UNREACHABLE,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_HEADER_BYTES,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  icmpType,
  isIcmpChecksumRight,
  spreadEchoRequest,
  turnEchoIntoReply,
  writeEchoRequest,
} = icmpEcho;
const { IPV4_HEADER_BYTES, PROTOCOL_ICMP, timeToLive, typeOfService } = ipv4Header;
const { writeIpv4HeaderBetween } = ipv4Header;

/** Headers in front of an ICMP message that we send. */
const HEADERS_BYTES = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;

/** The Internet Control Message Protocol: an echo server, and echo requests of our own. */
export class Icmp {
  readonly #head: number = 0;
  readonly #tail: number = 0;
  readonly #interface: Ipv4Interface;
  readonly #mtu: number = 0;
  readonly #arp: Arp;
  readonly #output: FrameOutput;
  readonly #observer: HostObserver;
  readonly #counters: Counters;
  /** Replies leave their checksum to a device that completes it. */
  readonly #leaveChecksums: boolean = false;
  /** Who got an echo reply. */
  readonly peers: PeerSet = new PeerSet();
  /** One bit for each identifier that our echo requests have carried. */
  readonly #identifiers = new Uint8Array(0x10000 >> 3);

  constructor(
    mac: Uint8Array,
    ipv4Interface: Ipv4Interface,
    mtu: number,
    arp: Arp,
    output: FrameOutput,
    observer: HostObserver,
    counters: Counters,
    leaveChecksums = false,
  ) {
    this.#leaveChecksums = leaveChecksums;
    this.#head = macHead(mac);
    this.#tail = macTail(mac);
    this.#interface = ipv4Interface;
    this.#mtu = mtu;
    this.#arp = arp;
    this.#output = output;
    this.#observer = observer;
    this.#counters = counters;
  }

  /**
   * Takes in a whole datagram of protocol ICMP for `destination`, one of our addresses, its IPv4
   * header of `headerBytes` checked and its total length of `totalBytes` within the frame; one in a
   * chain ends with that. Addresses are int32 in the order of memory.
   */
  input(
    netbuf: Netbuf,
    source: number,
    destination: number,
    headerBytes: number,
    totalBytes: number,
  ): Verdict {
    const { region } = netbuf;
    const message = netbuf.data + ETHERNET_HEADER_BYTES + headerBytes;
    const length = totalBytes - headerBytes;
    if (length < ICMP_HEADER_BYTES) return this.#counters.drop(DropReason.ICMP_TRUNCATED);
    if (netbuf.next === null) {
      if (!isIcmpChecksumRight(region, message, length)) {
        return this.#counters.drop(DropReason.ICMP_BAD_CHECKSUM);
      }
    } else if (netbuf.data + netbuf.length < message + ICMP_HEADER_BYTES) {
      return this.#counters.drop(DropReason.NETBUF_HEADERS_SPLIT);
    } else if (chainSum(netbuf, message - netbuf.data) !== 0xffff) {
      return this.#counters.drop(DropReason.ICMP_BAD_CHECKSUM);
    }
    switch (icmpType(region, message)) {
      case ICMP_ECHO:
        return this.#answer(netbuf, source, destination, message, length);
      case ICMP_ECHO_REPLY:
        return this.#echoReply(netbuf, swapInt32(source), message, length);
      case ICMP_DESTINATION_UNREACHABLE:
      case ICMP_SOURCE_QUENCH:
      case ICMP_REDIRECT:
      case ICMP_TIME_EXCEEDED:
      case ICMP_PARAMETER_PROBLEM:
        return this.#counters.drop(DropReason.ICMP_ERROR_MESSAGE);
      default:
        return this.#counters.drop(DropReason.ICMP_UNKNOWN_TYPE);
    }
  }

  /**
   * Sends an echo request with `payloadLength` bytes of payload that count up from 0, or has ARP
   * keep it. `identifier` and `sequence` are 16 bits.
   */
  sendEchoRequest(
    destination: number,
    identifier: number,
    sequence: number,
    payloadLength: number,
    now: number,
  ): SendResult {
    const totalBytes = IPV4_HEADER_BYTES + ICMP_HEADER_BYTES + payloadLength;
    if (totalBytes > this.#mtu) return SendResult.TOO_BIG;
    const nextHop = this.#interface.nextHop(destination);
    if (nextHop === 0) return SendResult.NO_ROUTE;
    const netbuf = this.#output.alloc();
    if (netbuf === null) {
      this.#counters.drop(DropReason.OUTPUT_NO_NETBUF);
      return SendResult.NO_BUFFER;
    }
    const frameBytes = ETHERNET_HEADER_BYTES + totalBytes;
    if (netbuf.tailroom < ETHERNET_MIN_BYTES) {
      netbuf.free();
      return SendResult.TOO_BIG;
    }
    netbuf.length = Math.min(frameBytes, netbuf.tailroom);
    if (!extendChain(netbuf, frameBytes, this.#output)) {
      this.#counters.drop(DropReason.OUTPUT_NO_NETBUF);
      netbuf.free();
      return SendResult.NO_BUFFER;
    }
    const message = netbuf.data + HEADERS_BYTES;
    const inFirst = netbuf.length - HEADERS_BYTES - ICMP_HEADER_BYTES;
    writeEchoRequest(netbuf.region, message, identifier, sequence, inFirst);
    if (netbuf.next !== null) spreadEchoRequest(netbuf, HEADERS_BYTES);
    const from = this.#interface.addressWord;
    this.#writeHeaders(netbuf, 0, 0, 0, totalBytes, from, swapInt32(destination));
    if (netbuf.next === null) finishFrame(netbuf, frameBytes);
    this.#identifiers[(identifier & 0xffff) >> 3] |= 1 << (identifier & 7);
    const result = this.#arp.send(netbuf, nextHop, now);
    if (result !== SendResult.NO_BUFFER) this.#counters.count(ECHO_REQUEST_SENT);
    return result;
  }

  /**
   * Turns a request into its reply (RFC 1122 §3.2.2.6), all data returned, from the address that was
   * asked to the MAC address it came from. IPv4 options stay behind: the frame then begins that much further into the buffer.
   */
  #answer(
    netbuf: Netbuf,
    source: number,
    destination: number,
    message: number,
    length: number,
  ): Verdict {
    const totalBytes = IPV4_HEADER_BYTES + length;
    if (totalBytes > this.#mtu) return this.#counters.drop(DropReason.ICMP_REPLY_EXCEEDS_MTU);
    const { region, data } = netbuf;
    turnEchoIntoReply(region, message);
    // Read before they are written over: the new headers may overlap the old ones.
    const word1 = ethernetWord1(region, data);
    const head = sourceHead(word1);
    const tail = sourceTail(word1, ethernetWord2(region, data));
    const service = typeOfService(region.u32[data + ETHERNET_HEADER_BYTES >> 2]);
    netbuf.data = message - HEADERS_BYTES;
    this.#writeHeaders(netbuf, head, tail, service, totalBytes, destination, source);
    const frameBytes = ETHERNET_HEADER_BYTES + totalBytes;
    if (netbuf.next === null) {
      finishFrame(netbuf, frameBytes);
    } else {
      netbuf.length -= netbuf.data - data;
      finishChain(netbuf, frameBytes);
    }
    if (this.#leaveChecksums === true && this.#output.completesChecksums === true) {
      leaveChecksum(netbuf, HEADERS_BYTES, ICMP_CHECKSUM_OFFSET);
    }
    this.#counters.count(ECHO_REQUEST_ANSWERED);
    if (this.peers.add(source) === true) this.#observer.firstEchoRequest(swapInt32(source));
    return REPLY;
  }

  #echoReply(netbuf: Netbuf, source: number, message: number, length: number): Verdict {
    const { region } = netbuf;
    const identifier = echoIdentifier(region, message);
    if ((this.#identifiers[identifier >> 3] >>> (identifier & 7) & 1) === 0) {
      return this.#counters.drop(DropReason.ICMP_UNSOLICITED_ECHO_REPLY);
    }
    const sequence = echoSequence(region, message);
    const ttl = timeToLive(region.u32[(netbuf.data + ETHERNET_HEADER_BYTES >> 2) + 2]);
    const payloadLength = length - ICMP_HEADER_BYTES;
    netbuf.pull(message + ICMP_HEADER_BYTES - netbuf.data);
    if (netbuf.next === null) netbuf.length = payloadLength;
    this.#counters.count(ECHO_REPLY_RECEIVED);
    this.#observer.echoReply(source, identifier, sequence, payloadLength, ttl, netbuf);
    netbuf.free();
    return CONSUMED;
  }

  /** Writes Ethernet and IPv4 headers at `netbuf.data`, with addresses as memory has them. */
  #writeHeaders(
    netbuf: Netbuf,
    destinationHead: number,
    destinationTail: number,
    service: number,
    totalBytes: number,
    from: number,
    to: number,
  ): void {
    const { region, data } = netbuf;
    const head = this.#head;
    const tail = this.#tail;
    const type = ETHERTYPE_IPV4;
    writeEthernetHeader(region, data, destinationHead, destinationTail, head, tail, type);
    const header = data + ETHERNET_HEADER_BYTES;
    writeIpv4HeaderBetween(region, header, service, totalBytes, PROTOCOL_ICMP, from, to);
  }
}
