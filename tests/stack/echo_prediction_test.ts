import { assertEquals, assertGreater } from "@std/assert";
import type { HostConfig } from "../../stack/host.ts";
import { swapInt32 } from "../../stack/byte_swap.ts";
import { PEER_SET_CAPACITY, PeerSet } from "../../stack/peer_set.ts";
import {
  BROADCAST_MAC,
  echoFrame,
  ethernetFrame,
  HOST_IP,
  HOST_MAC,
  type IcmpFields,
  icmpMessage,
  ip,
  type Ipv4Fields,
  ipv4Frame,
  PEER_MAC,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

/** Two hosts that are alike, but for the one whose frames all go through the layers. */
class Pair {
  readonly predicting: HostFixture;
  /** It would leave checksums to a device that completes them, and has none. */
  readonly layered: HostFixture;

  constructor(config: Partial<HostConfig> = {}) {
    this.predicting = new HostFixture(config);
    this.layered = new HostFixture({ ...config, leaveChecksums: true });
  }

  /** Both do the same with the frame, to the last byte, counter and word to the observer. */
  compare(frame: Uint8Array, what: string): void {
    const outcome = this.predicting.deliver(frame);
    assertEquals(outcome, this.layered.deliver(frame), what);
    assertEquals(this.predicting.host.counters(), this.layered.host.counters(), what);
    assertEquals(this.predicting.log, this.layered.log, what);
  }

  get answered(): number {
    return this.predicting.host.counters().echoRequestsAnswered;
  }
}

Deno.test("a request with any bit the other way round ends as it does in the layers", () => {
  const pair = new Pair();
  const frame = echoFrame({ tos: 0xb8 }, { payload: Uint8Array.from({ length: 21 }, (_, i) => i) });
  pair.compare(frame, "as it is");
  for (let bit = 0; bit < frame.length * 8; bit++) {
    frame[bit >> 3] ^= 1 << (bit & 7);
    pair.compare(frame, `bit ${bit}`);
    frame[bit >> 3] ^= 1 << (bit & 7);
  }
  assertGreater(pair.answered, 1);
});

Deno.test("payloads of every length, with and without bytes behind them, end as in the layers", () => {
  const pair = new Pair();
  const random = new SeededRandom(0x5eed);
  for (const length of [...Array(80).keys(), 255, 1000, 1471, 1472, 1473]) {
    for (const behind of [0, 1, 5, 40]) {
      const frame = echoFrame({}, { payload: random.bytes(length) });
      const padded = new Uint8Array(frame.length + behind).fill(0xff);
      padded.set(frame);
      pair.compare(padded, `${length} bytes and ${behind} behind`);
    }
  }
  assertGreater(pair.answered, 80 * 4);
});

const IPV4: readonly Ipv4Fields[] = [
  {},
  { tos: 0xff },
  { id: 0xffff, ttl: 0 },
  { fragment: 0x4000 },
  { fragment: 0x8000 },
  { fragment: 0x2000 },
  { fragment: 1 },
  { version: 5 },
  { headerWords: 4 },
  { headerWords: 6 },
  { options: [1, 1, 1, 0] },
  { options: [131, 3, 4, 0] },
  { protocol: 17 },
  { totalLength: 45 },
  { totalLength: 46 },
  { totalLength: 0xffff },
  { checksum: 0 },
  { from: HOST_IP },
  { from: "0.0.0.1" },
  { from: "127.0.0.1" },
  { from: "10.0.2.0" },
  { from: "10.0.2.255" },
  { from: "239.1.2.3" },
  { from: "255.255.255.255" },
  { from: "192.0.2.255" },
  { to: "10.0.2.16" },
  { to: "10.0.2.255" },
  { to: "255.255.255.255" },
  { to: "224.0.0.1" },
  { source: HOST_MAC },
  { source: "01:00:5e:00:00:01" },
  { destination: BROADCAST_MAC },
  { destination: PEER_MAC },
  { type: 0x86dd },
];

const ICMP: readonly IcmpFields[] = [
  {},
  { code: 9 },
  { type: 0 },
  { type: 3 },
  { type: 13 },
  { checksum: 0x1234 },
  { identifier: 0, sequence: 0, payload: new Uint8Array(56) },
  { identifier: 0xffff, sequence: 0xffff, payload: new Uint8Array(55).fill(0xff) },
];

Deno.test("every field that is wrong, or only rare, ends as it does in the layers", () => {
  const pair = new Pair();
  for (const ipv4 of IPV4) {
    for (const icmp of ICMP) {
      pair.compare(echoFrame(ipv4, icmp), JSON.stringify([ipv4, icmp]));
    }
  }
  pair.compare(ipv4Frame({}, new Uint8Array(26)), "no message");
  pair.compare(ethernetFrame({}, icmpMessage({ payload: new Uint8Array(60) })), "no header");
});

Deno.test("a host of many addresses answers by each of them, and by no other, as in the layers", () => {
  const last = ip("10.0.2.90");
  const pair = new Pair({ ranges: [{ first: ip(HOST_IP), last, prefixLength: 24 }] });
  for (let to = 0; to < 256; to++) {
    for (const from of ["10.0.2.3", "10.0.2.40", "192.0.2.7"]) {
      pair.compare(echoFrame({ to: `10.0.2.${to}`, from }), `${from} to ${to}`);
    }
  }
  assertEquals(pair.answered, 2 * (last - ip(HOST_IP) + 1));
});

Deno.test("as few peers find room in the order of memory as in the other", () => {
  const peers = new PeerSet();
  let added = 0;
  for (let i = 0; i < 65_536; i++) if (peers.add(swapInt32(0x0a000000 + i))) added++;
  assertEquals(added, PEER_SET_CAPACITY);
});
