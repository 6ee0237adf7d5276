import type { Netbuf } from "../netdev/netbuf.ts";
import { ARP_NONE, ArpCache, ArpUpdate } from "./arp_cache.ts";
import {
  ARP_BYTES,
  ARP_REPLY,
  ARP_REQUEST,
  isEthernetIpv4,
  operation,
  senderAddress,
  senderHead,
  senderTail,
  targetAddress,
  writeArpPacket,
} from "./arp_packet.ts";
import { Activity, type Counters } from "./counters.ts";
import { DropReason } from "./drop_reason.ts";
import {
  ETHERNET_HEADER_BYTES,
  ETHERNET_MIN_BYTES,
  ETHERTYPE_ARP,
  finishFrame,
  setDestination,
  writeEthernetHeader,
} from "./ethernet.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { HostObserver } from "./host_observer.ts";
import type { Ipv4Interface } from "./ipv4_interface.ts";
import { BROADCAST_HEAD, BROADCAST_TAIL, isGroupHead, macHead, macTail } from "./mac_address.ts";
import { PeerSet } from "./peer_set.ts";
import { SendResult } from "./send_result.ts";
import { Verdict } from "./verdict.ts";

/** Entries of the ARP cache. */
export const ARP_CACHE_CAPACITY = 256;
/** Resolutions under way at a time. */
export const ARP_MAX_INCOMPLETE = 16;
/** Packets of ours that wait for one of them; the oldest gives up its place to one more. */
export const ARP_MAX_PENDING = 16;

/** RFC 5227 §1.1. */
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL_MS = 2000;
/** RFC 5227 §1.1; no more reports of a conflict than defences would be allowed. */
const DEFEND_INTERVAL_MS = 10_000;

const FRAME_BYTES = ETHERNET_HEADER_BYTES + ARP_BYTES;

/**
 * The Address Resolution Protocol (RFC 826, RFC 1122 §2.3.2, RFC 5227): answers for our addresses,
 * finds the MAC addresses that our own packets go to, and keeps some of them waiting meanwhile (§2.3.2.2
 * of RFC 1122 wants one at least).
 */
export class Arp {
  readonly #head: number;
  readonly #tail: number;
  readonly #interface: Ipv4Interface;
  readonly #output: FrameOutput;
  readonly #observer: HostObserver;
  readonly #counters: Counters;
  readonly #cache: ArpCache;
  readonly #peers = new PeerSet();
  /** The packets that wait for each INCOMPLETE entry of the cache, oldest first. */
  readonly #pending = Array.from({ length: ARP_CACHE_CAPACITY }, (): Netbuf[] => []);
  #announcementsLeft = 0;
  /** When the next one of those is due. */
  #announceAt = 0;
  #conflictToldAt = -Infinity;

  constructor(
    mac: Uint8Array,
    ipv4Interface: Ipv4Interface,
    output: FrameOutput,
    observer: HostObserver,
    counters: Counters,
  ) {
    this.#head = macHead(mac);
    this.#tail = macTail(mac);
    this.#interface = ipv4Interface;
    this.#output = output;
    this.#observer = observer;
    this.#counters = counters;
    this.#cache = new ArpCache({
      capacity: ARP_CACHE_CAPACITY,
      maxIncomplete: ARP_MAX_INCOMPLETE,
      pinned: ipv4Interface.gateway,
    });
  }

  /** Takes in a frame of EtherType ARP, its Ethernet addresses checked. */
  input(netbuf: Netbuf, now: number): Verdict {
    if (netbuf.next !== null) return this.#counters.drop(DropReason.NETBUF_CHAINED);
    if (netbuf.length < FRAME_BYTES) return this.#counters.drop(DropReason.ARP_TRUNCATED);
    const { region } = netbuf;
    const packet = netbuf.data + ETHERNET_HEADER_BYTES;
    if (!isEthernetIpv4(region, packet)) return this.#counters.drop(DropReason.ARP_UNSUPPORTED);
    const op = operation(region, packet);
    if (op !== ARP_REQUEST && op !== ARP_REPLY) {
      return this.#counters.drop(DropReason.ARP_UNKNOWN_OPERATION);
    }
    const head = senderHead(region, packet);
    const tail = senderTail(region, packet);
    if (!this.#isOtherStation(head, tail)) {
      return this.#counters.drop(DropReason.ARP_BAD_SENDER_HARDWARE);
    }
    const sender = senderAddress(region, packet);
    if (this.#interface.isOwn(sender)) return this.#conflict(sender, head, tail, now);
    const target = targetAddress(region, packet);
    const isForUs = this.#interface.isOwn(target);
    if (sender === 0 && op === ARP_REQUEST) {
      // A probe (RFC 5227 §2.1.1): its sender has no address yet, so there is nothing to learn.
      if (!isForUs) return this.#counters.drop(DropReason.ARP_OTHER_TARGET);
      return this.#answer(netbuf, target, head, tail, 0);
    }
    if (!this.#interface.isUnicast(sender)) {
      return this.#counters.drop(DropReason.ARP_BAD_SENDER_PROTOCOL);
    }
    const update = this.#cache.update(sender, head, tail, now);
    if (update === ArpUpdate.RESOLVED) this.#sendPending(sender, now);
    if (op === ARP_REPLY) return this.#reply(netbuf, update);
    if (!isForUs) return this.#counters.drop(DropReason.ARP_OTHER_TARGET);
    if (update === ArpUpdate.UNKNOWN && this.#interface.isOnLink(sender)) {
      this.#cache.learn(sender, head, tail, now);
    }
    if (this.#peers.add(sender)) this.#observer.firstArp(sender, head, tail);
    return this.#answer(netbuf, target, head, tail, sender);
  }

  /**
   * Sends a frame, finished but for its destination MAC, to a next hop on the link (an int32), or
   * keeps it until that has answered. The netbuf is gone either way.
   */
  send(netbuf: Netbuf, nextHop: number, now: number): SendResult {
    const known = this.#cache.lookup(nextHop, now);
    if (known !== ARP_NONE) {
      this.#sendTo(netbuf, known);
      return SendResult.SENT;
    }
    let entry = this.#cache.incomplete(nextHop, now);
    if (entry === ARP_NONE) {
      entry = this.#cache.resolve(nextHop, now);
      if (entry === ARP_NONE) {
        this.#counters.drop(DropReason.ARP_TOO_MANY_PENDING);
        netbuf.free();
        return SendResult.NO_BUFFER;
      }
      this.#sendRequest(nextHop);
    }
    const pending = this.#pending[entry];
    if (pending.length === ARP_MAX_PENDING) {
      this.#counters.drop(DropReason.ARP_PENDING_REPLACED);
      pending.shift()?.free();
    }
    pending.push(netbuf);
    return SendResult.PENDING;
  }

  /**
   * Announces our addresses (RFC 5227 §2.3) now, and once more from `tick` 2 s later: those that are
   * not a part of a range, which would flood the link.
   */
  announce(now: number): void {
    if (this.#interface.singles.length === 0) return;
    this.#announcementsLeft = ANNOUNCE_NUM;
    this.#sendAnnouncement(now);
  }

  /** Does what is due, and returns when the next thing is (milliseconds), or Infinity. */
  tick(now: number): number {
    // Most of the time there is nothing, and a constant Infinity is one that is not allocated.
    if (this.#announcementsLeft === 0 && !this.#cache.isResolving()) return Infinity;
    if (this.#announcementsLeft > 0 && now >= this.#announceAt) this.#sendAnnouncement(now);
    for (
      let entry = this.#cache.due(now);
      entry !== ARP_NONE;
      entry = this.#cache.due(now)
    ) {
      const address = this.#cache.address(entry);
      if (this.#cache.retry(entry, now)) this.#sendRequest(address);
      else this.#fail(entry, address);
    }
    const retryAt = this.#cache.deadline();
    return this.#announcementsLeft > 0 ? Math.min(this.#announceAt, retryAt) : retryAt;
  }

  /** Not a group address, not all zero and not our own. */
  #isOtherStation(head: number, tail: number): boolean {
    return !isGroupHead(head) && (head !== 0 || tail !== 0) &&
      (head !== this.#head || tail !== this.#tail);
  }

  #conflict(address: number, head: number, tail: number, now: number): Verdict {
    if (now - this.#conflictToldAt >= DEFEND_INTERVAL_MS) {
      this.#conflictToldAt = now;
      this.#observer.addressConflict(head, tail, address);
    }
    return this.#counters.drop(DropReason.ARP_CONFLICT);
  }

  #reply(netbuf: Netbuf, update: ArpUpdate): Verdict {
    if (update === ArpUpdate.UNKNOWN) {
      return this.#counters.drop(DropReason.ARP_UNSOLICITED_REPLY);
    }
    if (update === ArpUpdate.LOCKED) return this.#counters.drop(DropReason.ARP_LOCKED);
    this.#counters.count(Activity.ARP_REPLY_RECEIVED);
    netbuf.free();
    return Verdict.CONSUMED;
  }

  /** Turns a request for `own` in a netbuf into the reply to its sender (RFC 826), padding and all. */
  #answer(netbuf: Netbuf, own: number, head: number, tail: number, sender: number): Verdict {
    this.#writeFrame(netbuf, ARP_REPLY, head, tail, own, head, tail, sender);
    this.#counters.count(Activity.ARP_REQUEST_ANSWERED);
    return Verdict.REPLY;
  }

  #sendPending(address: number, now: number): void {
    const entry = this.#cache.lookup(address, now);
    const tail = this.#cache.tail(entry);
    const head = this.#cache.head(entry);
    if (this.#peers.add(address)) this.#observer.firstArp(address, head, tail);
    for (const netbuf of this.#pending[entry].splice(0)) this.#sendTo(netbuf, entry);
  }

  #sendTo(netbuf: Netbuf, entry: number): void {
    const head = this.#cache.head(entry);
    setDestination(netbuf.region, netbuf.data, head, this.#cache.tail(entry));
    this.#output.send(netbuf);
  }

  #fail(entry: number, address: number): void {
    for (const netbuf of this.#pending[entry].splice(0)) {
      this.#counters.drop(DropReason.ARP_RESOLUTION_FAILED);
      netbuf.free();
    }
    this.#observer.resolutionFailed(address);
  }

  #sendRequest(address: number): void {
    if (this.#broadcastRequest(this.#interface.address, address)) {
      this.#counters.count(Activity.ARP_REQUEST_SENT);
    }
  }

  #sendAnnouncement(now: number): void {
    for (const address of this.#interface.singles) {
      if (!this.#broadcastRequest(address, address)) break;
      this.#counters.count(Activity.ARP_ANNOUNCEMENT_SENT);
    }
    this.#announcementsLeft--;
    this.#announceAt = now + ANNOUNCE_INTERVAL_MS;
  }

  #broadcastRequest(sender: number, target: number): boolean {
    const netbuf = this.#output.alloc();
    if (netbuf === null) {
      this.#counters.drop(DropReason.OUTPUT_NO_NETBUF);
      return false;
    }
    if (netbuf.tailroom < ETHERNET_MIN_BYTES) {
      this.#counters.drop(DropReason.NETBUF_TOO_SMALL);
      netbuf.free();
      return false;
    }
    this.#writeFrame(netbuf, ARP_REQUEST, BROADCAST_HEAD, BROADCAST_TAIL, sender, 0, 0, target);
    this.#output.send(netbuf);
    return true;
  }

  #writeFrame(
    netbuf: Netbuf,
    operation: number,
    destinationHead: number,
    destinationTail: number,
    sender: number,
    targetHead: number,
    targetTail: number,
    target: number,
  ): void {
    const { region, data } = netbuf;
    const head = this.#head;
    const tail = this.#tail;
    const type = ETHERTYPE_ARP;
    writeEthernetHeader(region, data, destinationHead, destinationTail, head, tail, type);
    const packet = data + ETHERNET_HEADER_BYTES;
    writeArpPacket(region, packet, operation, head, tail, sender, targetHead, targetTail, target);
    finishFrame(netbuf, FRAME_BYTES);
  }
}
