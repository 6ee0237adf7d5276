import { assertEquals } from "@std/assert";
import { EchoClient, type EchoReply, type EchoRequests } from "../../app/echo_client.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes } from "../../netdev/netbuf_pool.ts";
import { Host, parseIpv4, parseMac, SendResult } from "../../stack/mod.ts";
import { FakeClock } from "../netdev/fake_clock.ts";

/** Where the requests come from and go to. */
export const OWN = parseIpv4("10.0.2.100");
export const PEER = parseIpv4("10.0.2.15");
/** By which they are told from others'. */
export const IDENTIFIER = 0x1234;

const REQUESTS: EchoRequests = {
  destination: PEER,
  identifier: IDENTIFIER,
  count: Infinity,
  interval: 1000,
  payloadLength: 56,
  linger: 500,
  patience: 4000,
};

/** A client on a host that never sends: what it was asked to send, and what it told. */
export class ClientFixture {
  readonly clock: FakeClock;
  readonly client: EchoClient;
  /** Sequence number and time of each request. */
  readonly requests: { sequence: number; at: number }[] = [];
  readonly replies: EchoReply[] = [];
  readonly failures: [number, SendResult][] = [];
  done = 0;
  /** What the host says to the next request. */
  result: SendResult = SendResult.SENT;

  readonly #pool: NetbufPool;

  constructor(requests: Partial<EchoRequests> = {}, start = 0) {
    this.clock = new FakeClock(start, 0);
    this.#pool = new NetbufPool(new PlainRegion(netbufPoolBytes({ count: 2 })), 0, { count: 2 });
    const all = { ...REQUESTS, ...requests };
    this.client = new EchoClient(this.#host(all), this.clock, all, {
      onReply: (reply) => this.replies.push(reply),
      onSendFailure: (sequence, result) => this.failures.push([sequence, result]),
      onDone: () => this.done++,
    });
  }

  /** Tells the client the time, and returns its deadline. */
  tick(now: number): number {
    this.clock.time = now;
    return this.client.tick(Math.floor(now));
  }

  /** Ticks at each deadline, as a loop does, until there is none before `end`. */
  run(end: number): void {
    let turns = 0;
    for (let next = Math.floor(this.clock.time); next <= end;) {
      next = Math.max(this.tick(next), next);
      if (++turns > 200_000) throw new Error("ticks without an end");
    }
  }

  reply(sequence: number, from: { source?: number; identifier?: number } = {}, bytes = 56): void {
    this.replyWith(sequence, Uint8Array.from({ length: bytes }, (_, i) => i), from);
  }

  replyWith(
    sequence: number,
    payload: Uint8Array,
    { source = PEER, identifier = IDENTIFIER } = {},
  ): void {
    const netbuf = this.#pool.alloc();
    if (netbuf === null) throw new Error("the pool is dry");
    // In two pieces, as the payload of a reply may come.
    const rest = this.#pool.alloc();
    if (rest === null) throw new Error("the pool is dry");
    netbuf.append(rest);
    const half = payload.length >> 1;
    netbuf.region.u8.set(payload.subarray(0, half), netbuf.data);
    rest.region.u8.set(payload.subarray(half), rest.data);
    netbuf.length = half;
    rest.length = payload.length - half;
    this.client.echoReply(source, identifier, sequence, payload.length, 64, netbuf);
    netbuf.free();
  }

  #host(requests: EchoRequests): Host {
    const host = new Host(
      {
        mac: parseMac("02:75:0a:00:02:64"),
        address: OWN,
        prefixLength: 24,
        gateway: null,
        mtu: 1500,
      },
      { alloc: (): Netbuf | null => null, send: (): void => {} },
      {
        firstArp(): void {},
        firstEchoRequest(): void {},
        echoReply(): void {},
        resolutionFailed(): void {},
        addressConflict(): void {},
      },
    );
    host.sendEchoRequest = (destination, identifier, sequence, payloadLength, now): SendResult => {
      assertEquals([destination, identifier], [PEER, IDENTIFIER]);
      assertEquals(payloadLength, requests.payloadLength);
      this.requests.push({ sequence, at: now });
      return this.result;
    };
    return host;
  }
}
