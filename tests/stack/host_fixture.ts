import { assertEquals, fail } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes } from "../../netdev/netbuf_pool.ts";
import type { FrameOutput } from "../../stack/frame_output.ts";
import { Host, type HostConfig } from "../../stack/host.ts";
import type { HostObserver } from "../../stack/host_observer.ts";
import { formatIpv4 } from "../../stack/ipv4_address.ts";
import { formatMac } from "../../stack/mac_address.ts";
import { Verdict } from "../../stack/verdict.ts";
import { HOST_IP, HOST_MAC, ip, mac, PEER_IP } from "./frames.ts";

/** What a buffer holds before a frame is put into it; none of it may be read or sent. */
export const STALE_BYTE = 0xee;

/** A pool of netbufs in plain memory. */
export function makePool(count: number, stride = 2048): NetbufPool {
  const region = new PlainRegion(netbufPoolBytes({ count, stride }));
  return new NetbufPool(region, 0, { count, stride });
}

/** Fills a netbuf with stale bytes, and puts a frame into it. */
export function fillNetbuf(netbuf: Netbuf, frame: Uint8Array): void {
  netbuf.region.u8.fill(STALE_BYTE, netbuf.start, netbuf.end);
  netbuf.region.u8.set(frame, netbuf.data);
  netbuf.length = frame.length;
}

/** The bytes of the packet in a netbuf and its chain, copied. */
export function netbufBytes(netbuf: Netbuf): Uint8Array {
  const bytes = new Uint8Array(netbuf.chainLength());
  let at = 0;
  for (let piece: Netbuf | null = netbuf; piece !== null; piece = piece.next) {
    bytes.set(piece.region.u8.subarray(piece.data, piece.data + piece.length), at);
    at += piece.length;
  }
  return bytes;
}

/** What became of a frame: the reply, or the reason for which it was dropped, or neither. */
export interface Outcome {
  reply: Uint8Array | null;
  reason: string | null;
}

/** A host with a pool, a network that keeps what it is sent, and a log of what it observed. */
export class HostFixture implements FrameOutput, HostObserver {
  readonly pool: NetbufPool;
  readonly host: Host;
  /** Frames that the host sent of its own, oldest first. */
  readonly sent: Uint8Array[] = [];
  /** What the observer was told, as text. */
  readonly log: string[] = [];
  /** Payloads of the echo replies that the observer was told of. */
  readonly payloads: Uint8Array[] = [];

  constructor(config: Partial<HostConfig> = {}, poolSize = 64, stride = 2048) {
    this.pool = makePool(poolSize, stride);
    this.host = new Host(
      {
        mac: mac(HOST_MAC),
        address: ip(HOST_IP),
        prefixLength: 24,
        gateway: ip(PEER_IP),
        mtu: 1500,
        ...config,
      },
      this,
      this,
    );
  }

  /** Gives the host a frame, as a driver would, in a buffer full of stale bytes. */
  deliver(frame: Uint8Array, now = 0): Outcome {
    const netbuf = this.pool.alloc() ?? fail("the pool is dry");
    fillNetbuf(netbuf, frame);
    return this.input(netbuf, now);
  }

  /** Gives the host a frame in a netbuf or a chain of the pool. */
  input(netbuf: Netbuf, now = 0): Outcome {
    const before = this.host.counters().drops;
    // As a QueuePair has it.
    const verdict = this.host.answer([netbuf], 0, 1) === 1
      ? Verdict.REPLY
      : this.host.input(netbuf, now);
    const after = this.host.counters().drops;
    const reasons = Object.keys(after).filter((name) => after[name] !== (before[name] ?? 0));
    if (verdict === Verdict.CONSUMED) {
      assertEquals(reasons, []);
      return { reply: null, reason: null };
    }
    let reply: Uint8Array | null = null;
    if (verdict === Verdict.REPLY) {
      reply = this.#take(netbuf);
      assertEquals(reasons, []);
      return { reply, reason: null };
    }
    netbuf.free();
    assertEquals(reasons.length, 1, `reasons of a dropped frame: ${reasons}`);
    return { reply: null, reason: reasons[0] };
  }

  /** All netbufs lie in the pool, but for `held` ones. */
  assertPoolWhole(held = 0): void {
    assertEquals(this.pool.available, this.pool.size - held, "netbufs in the pool");
  }

  /** The frames sent since the last call. */
  takeSent(): Uint8Array[] {
    return this.sent.splice(0);
  }

  /** What was observed since the last call. */
  takeLog(): string[] {
    return this.log.splice(0);
  }

  alloc(): Netbuf | null {
    const netbuf = this.pool.alloc();
    if (netbuf !== null) fillNetbuf(netbuf, new Uint8Array());
    return netbuf;
  }

  send(netbuf: Netbuf): void {
    this.sent.push(this.#take(netbuf));
  }

  firstArp(address: number, macHead: number, macTail: number): void {
    this.log.push(`arp ${formatIpv4(address)} ${formatMac(macHead, macTail)}`);
  }

  firstEchoRequest(address: number): void {
    this.log.push(`echo ${formatIpv4(address)}`);
  }

  echoReply(
    source: number,
    identifier: number,
    sequence: number,
    payloadLength: number,
    ttl: number,
    netbuf: Netbuf,
  ): void {
    assertEquals(netbuf.chainLength(), payloadLength);
    this.payloads.push(netbufBytes(netbuf));
    const numbers = `id=${identifier} seq=${sequence} bytes=${payloadLength} ttl=${ttl}`;
    this.log.push(`reply ${formatIpv4(source)} ${numbers}`);
  }

  resolutionFailed(address: number): void {
    this.log.push(`unresolved ${formatIpv4(address)}`);
  }

  addressConflict(macHead: number, macTail: number, address: number): void {
    this.log.push(`conflict ${formatMac(macHead, macTail)} ${formatIpv4(address)}`);
  }

  /** A frame that the host gave out: what a driver relies on, and its bytes. */
  #take(netbuf: Netbuf): Uint8Array {
    assertEquals(netbuf.data & 3, 2, "a frame has to begin at 2 mod 4");
    const bytes = netbufBytes(netbuf);
    netbuf.free();
    return bytes;
  }
}
