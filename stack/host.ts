import type { Netbuf } from "../netdev/netbuf.ts";
import { Arp } from "./arp.ts";
import { Counters, type HostCounters } from "./counters.ts";
import { DropReason } from "./drop_reason.ts";
import { EchoPrediction } from "./echo_prediction.ts";
import * as ethernet from "./ethernet.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { HostObserver } from "./host_observer.ts";
import { Icmp } from "./icmp.ts";
import { Ipv4 } from "./ipv4.ts";
import { IPV4_MAX_OPTION_BYTES } from "./ipv4_header.ts";
import { Ipv4Interface } from "./ipv4_interface.ts";
import type { Ipv4Range } from "./ipv4_range.ts";
import * as macAddress from "./mac_address.ts";
import type { SendResult } from "./send_result.ts";
import type { Verdict } from "./verdict.ts";

/*
 * Constants of the module, which V8 compiles into the code that uses them; an import it fetches and
 * checks at each use. On all of the packet path that is about a sixth of an echo. Likewise, all along it,
 * a boolean out of a field or of a call is compared with true: V8 doesn't know that it is one, and would
 * compare it with each of the seven values that are false.
 */
const {
  destinationHead,
  destinationTail,
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_BYTES,
  etherType,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethernetWord1,
  ethernetWord2,
  sourceHead,
  sourceTail,
} = ethernet;
const { BROADCAST_HEAD, BROADCAST_TAIL, checkStationMac, isGroupHead, macHead, macTail } =
  macAddress;

/** Who a host is. */
export interface HostConfig {
  /** The 6 bytes of its MAC address. */
  readonly mac: Uint8Array;
  /** Its IPv4 address, an int32; of several the one that it sends from by itself. */
  readonly address: number;
  /** Bits of the prefix of that one's subnet, 1 to 32. */
  readonly prefixLength: number;
  /** All of its addresses, that one included; by default it has no other. */
  readonly ranges?: readonly Ipv4Range[];
  /** The router's IPv4 address, an int32. */
  readonly gateway: number | null;
  /** Largest IPv4 packet it sends, in bytes: 68 (RFC 791 §3.2) to 65,535. */
  readonly mtu: number;
  /**
   * Whether to leave the checksum of echo replies to a device that can complete it; default no, as to
   * change the request's is cheaper.
   */
  readonly leaveChecksums?: boolean;
}

/**
 * An in-place reply takes up to the shortest frame behind the longest options of the request, where
 * its headers move to.
 */
const MIN_ROOM_BYTES = IPV4_MAX_OPTION_BYTES + ETHERNET_MIN_BYTES;

/**
 * A host on an Ethernet: it answers ARP and echo requests, and sends its own. It does nothing by
 * itself: frames come in by `input`, time by `tick`. `now` is whole milliseconds on any one clock
 * that never goes back.
 */
export class Host {
  readonly #head: number = 0;
  readonly #tail: number = 0;
  readonly #counters = new Counters();
  readonly #arp: Arp;
  readonly #icmp: Icmp;
  readonly #ipv4: Ipv4;
  readonly #prediction: EchoPrediction;
  /** Not, where the layers leave checksums to a device. */
  readonly #predicts: boolean = false;

  /**
   * Nothing is sent yet. {@link AddressError} when no station or host can have an address of the
   * configuration, or the gateway is on none of its subnets; `RangeError` for an impossible MTU.
   */
  constructor(config: HostConfig, output: FrameOutput, observer: HostObserver) {
    const { mac, address, prefixLength, gateway, mtu } = config;
    checkStationMac(mac);
    if (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_535) {
      throw new RangeError(`MTU ${mtu}: 68 to 65535 bytes are possible`);
    }
    this.#head = macHead(mac);
    this.#tail = macTail(mac);
    const ipv4Interface = new Ipv4Interface(address, prefixLength, gateway, config.ranges);
    const counters = this.#counters;
    this.#arp = new Arp(mac, ipv4Interface, output, observer, counters);
    const leave = config.leaveChecksums ?? false;
    this.#icmp = new Icmp(mac, ipv4Interface, mtu, this.#arp, output, observer, counters, leave);
    this.#ipv4 = new Ipv4(ipv4Interface, this.#icmp, counters);
    const { peers } = this.#icmp;
    this.#prediction = new EchoPrediction(mac, ipv4Interface, mtu, observer, counters, peers);
    this.#predicts = !leave;
  }

  /**
   * Turns frames that are as nearly all are into their replies: those of `netbufs[from…]` up to before `to`,
   * or up to the first one that needs {@link input}, of which nothing is changed then. Says how many. See
   * echo_prediction.ts.
   */
  answer(netbufs: readonly Netbuf[], from: number, to: number): number {
    return this.#predicts === true ? this.#prediction.answer(netbufs, from, to) : 0;
  }

  /**
   * Takes in the frame at `netbuf.data`, which is 2 mod 4, of `netbuf.length` bytes, and of those of
   * the chain behind it, which may begin anywhere; headers have to be in the first. By the verdict
   * the caller frees the netbuf (DROP), sends it as it is now (REPLY), or has lost it (CONSUMED).
   * Call `tick` afterwards, once per burst: a deadline may have gone.
   */
  input(netbuf: Netbuf, now: number): Verdict {
    const { region, data } = netbuf;
    if (netbuf.end - data < MIN_ROOM_BYTES) {
      return this.#counters.drop(DropReason.NETBUF_TOO_SMALL);
    }
    if (netbuf.length < ETHERNET_HEADER_BYTES) {
      return this.#counters.drop(
        netbuf.next === null ? DropReason.ETHERNET_TRUNCATED : DropReason.NETBUF_HEADERS_SPLIT,
      );
    }
    const head = destinationHead(region, data);
    const tail = destinationTail(region, data);
    let isBroadcast = false;
    if (!this.#isOwn(head, tail)) {
      isBroadcast = head === BROADCAST_HEAD && tail === BROADCAST_TAIL;
      if (!isBroadcast) {
        return this.#counters.drop(
          isGroupHead(head) ? DropReason.ETHERNET_MULTICAST : DropReason.ETHERNET_OTHER_HOST,
        );
      }
    }
    const word1 = ethernetWord1(region, data);
    const word2 = ethernetWord2(region, data);
    const from = sourceHead(word1);
    if (isGroupHead(from)) return this.#counters.drop(DropReason.ETHERNET_GROUP_SOURCE);
    if (this.#isOwn(from, sourceTail(word1, word2))) {
      return this.#counters.drop(DropReason.ETHERNET_OWN_SOURCE);
    }
    switch (etherType(word2)) {
      case ETHERTYPE_IPV4:
        return this.#ipv4.input(netbuf, isBroadcast);
      case ETHERTYPE_ARP:
        return this.#arp.input(netbuf, now);
      default:
        return this.#counters.drop(DropReason.ETHERNET_UNKNOWN_TYPE);
    }
  }

  /**
   * Does what is due, and returns when the next thing will be, in milliseconds, or Infinity. Sending
   * brings that nearer, so it is to be called after `announce` and `sendEchoRequest` too.
   */
  tick(now: number): number {
    return this.#arp.tick(now);
  }

  /**
   * Announces our addresses to the link (RFC 5227 §2.3) now, and once more from `tick` 2 s later:
   * those that are not a part of a range.
   */
  announce(now: number): void {
    this.#arp.announce(now);
  }

  /**
   * Sends an echo request with `payloadLength` bytes of payload, which count 0, 1, … 255, 0, …. The
   * destination is an int32, identifier and sequence number are 16 bits. It goes to the destination,
   * or to the gateway when that is off the subnet. `PENDING` means that it goes out with the ARP
   * reply of that next hop, or never; 16 packets wait per next hop, the newest.
   */
  sendEchoRequest(
    destination: number,
    identifier: number,
    sequence: number,
    payloadLength: number,
    now: number,
  ): SendResult {
    return this.#icmp.sendEchoRequest(destination, identifier, sequence, payloadLength, now);
  }

  /** A copy of the counters. */
  counters(): HostCounters {
    return this.#counters.snapshot();
  }

  #isOwn(head: number, tail: number): boolean {
    return head === this.#head && tail === this.#tail;
  }
}
