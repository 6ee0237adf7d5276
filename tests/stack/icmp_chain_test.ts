import { assert, assertEquals } from "@std/assert";
import { SendResult } from "../../stack/send_result.ts";
import { makeChain } from "./chains.ts";
import {
  arpFrame,
  concat,
  echoFrame,
  echoReplyFromHost,
  internetChecksum,
  ip,
  ipv4Frame,
  mac,
  PEER_IP,
  PEER_MAC,
} from "./frames.ts";
import { HostFixture, type Outcome } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

/** Ethernet, IPv4 and ICMP header. */
const HEADERS_BYTES = 42;

/** Where virtio starts the pieces behind the first: a header of 12 bytes before the data of that. */
const VIRTIO_SHIFT = 12;

function deliver(
  fixture: HostFixture,
  frame: Uint8Array,
  cuts: readonly number[],
  shifts: readonly number[] = [VIRTIO_SHIFT],
): Outcome {
  const outcome = fixture.input(makeChain(fixture.pool, frame, cuts, shifts));
  fixture.assertPoolWhole();
  return outcome;
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

/** Cuts as a virtio device makes them that merges netbufs of 2048 bytes. */
function virtioCuts(length: number): number[] {
  const cuts: number[] = [];
  for (let at = 1982; at < length; at += 1994) cuts.push(at);
  return cuts;
}

Deno.test("an echo in two pieces, cut behind its headers wherever, is answered as in one", () => {
  const fixture = new HostFixture();
  const options = [7, 7, 4, 0, 0, 0, 0, 1];
  for (const length of [0, 1, 16, 17, 18, 19, 64, 77]) {
    const icmp = { payload: new SeededRandom(length).bytes(length) };
    for (const ipv4 of [{}, { options }]) {
      const frame = echoFrame(ipv4, icmp);
      const headers = HEADERS_BYTES + (ipv4.options?.length ?? 0);
      for (let cut = headers; cut <= frame.length; cut++) {
        for (const shift of [0, 1, 2, 3, VIRTIO_SHIFT]) {
          const { reply } = deliver(fixture, frame, [cut], [shift]);
          assertEquals(reply, echoReplyFromHost({}, icmp), `${length} bytes, cut at ${cut}`);
        }
      }
    }
  }
});

Deno.test("an echo in three pieces is answered as in one, whatever their lengths", () => {
  const fixture = new HostFixture();
  const icmp = { payload: new SeededRandom(9).bytes(31) };
  const frame = echoFrame({}, icmp);
  const expected = echoReplyFromHost({}, icmp);
  for (let first = HEADERS_BYTES; first <= frame.length; first++) {
    for (let second = first; second <= frame.length; second++) {
      assertEquals(deliver(fixture, frame, [first, second], [3, 1]).reply, expected);
    }
  }
});

Deno.test("a jumbo echo comes back whole, in the pieces it came in", () => {
  const fixture = new HostFixture({ mtu: 9000 });
  const random = new SeededRandom(8972);
  for (const length of [1940, 1941, 1942, 3934, 3935, 4000, 7999, 8000, 8971, 8972]) {
    const icmp = { payload: random.bytes(length) };
    const frame = echoFrame({}, icmp);
    const { reply } = deliver(fixture, frame, virtioCuts(frame.length));
    assertEquals(reply, echoReplyFromHost({}, icmp), `${length} bytes`);
    assertEquals(internetChecksum(reply?.slice(34) ?? new Uint8Array()), 0);
  }
});

Deno.test("a chain with a wrong byte in any piece has a bad checksum", () => {
  const fixture = new HostFixture();
  const frame = echoFrame({}, { payload: counting(40) });
  for (let at = 34; at < frame.length; at++) {
    const broken = frame.slice();
    broken[at] ^= 0x10;
    assertEquals(deliver(fixture, broken, [45, 60]).reason, "icmp_bad_checksum", `byte ${at}`);
  }
});

Deno.test("headers that are not all in the first piece are dropped under a reason of their own", () => {
  const fixture = new HostFixture();
  for (const options of [[], [1, 1, 1, 0]]) {
    const frame = echoFrame({ options });
    for (let cut = 0; cut < HEADERS_BYTES + options.length; cut++) {
      const { reason } = deliver(fixture, frame, [cut]);
      assertEquals(reason, "netbuf_headers_split", `cut at ${cut}`);
    }
    assertEquals(deliver(fixture, frame, [HEADERS_BYTES + options.length]).reason, null);
  }
});

Deno.test("what stands behind the total length is cut off, in whichever piece it begins", () => {
  const fixture = new HostFixture();
  const icmp = { payload: counting(30) };
  const whole = echoFrame({}, icmp);
  const expected = echoReplyFromHost({}, icmp);
  for (const surplus of [1, 2, 30, 100]) {
    const frame = concat(whole, new Uint8Array(surplus).fill(0x5a));
    for (let first = HEADERS_BYTES; first <= frame.length; first += 3) {
      for (let second = first; second <= frame.length; second += 3) {
        const { reply } = deliver(fixture, frame, [first, second]);
        assertEquals(reply, expected, `${surplus} more bytes, cut at ${first} and ${second}`);
      }
    }
  }
});

Deno.test("a chain that ends before the total length is truncated", () => {
  const fixture = new HostFixture();
  for (let missing = 1; missing < 50; missing++) {
    const frame = echoFrame().slice(0, -missing);
    const cut = Math.min(44, frame.length);
    assertEquals(deliver(fixture, frame, [cut]).reason, "ipv4_truncated", `${missing} missing`);
  }
});

Deno.test("ARP in a chain is dropped, and so is what is no echo", () => {
  const fixture = new HostFixture();
  assertEquals(deliver(fixture, arpFrame(), [30]).reason, "netbuf_chained");
  assertEquals(deliver(fixture, arpFrame(), [42]).reason, "netbuf_chained");
  const udp = ipv4Frame({ protocol: 17 }, new Uint8Array(100));
  assertEquals(deliver(fixture, udp, [60]).reason, "ipv4_unknown_protocol");
  const error = echoFrame({}, { type: 3 });
  assertEquals(deliver(fixture, error, [60]).reason, "icmp_error_message");
  assertEquals(
    deliver(fixture, echoFrame({}, { payload: counting(1473) }), [1500]).reason,
    "icmp_reply_exceeds_mtu",
  );
});

Deno.test("an echo request of ours beyond a netbuf is a chain, right to the last bit", () => {
  for (const stride of [192, 2048, 9088]) {
    const fixture = new HostFixture({ mtu: 9000 }, 100, stride);
    fixture.deliver(arpFrame());
    const random = new SeededRandom(stride);
    const lengths = Array.from({ length: 40 }, () => random.below(8973));
    for (const length of [0, 17, 1940, 1941, 3922, 8000, 8971, 8972, ...lengths]) {
      const result = fixture.host.sendEchoRequest(ip(PEER_IP), 0xbeef, 0xfffe, length, 0);
      assertEquals(result, SendResult.SENT);
      const icmp = { type: 8, identifier: 0xbeef, sequence: 0xfffe, payload: counting(length) };
      assertEquals(fixture.takeSent(), [echoReplyFromHost({}, icmp)], `${length} bytes`);
      fixture.assertPoolWhole();
    }
  }
});

Deno.test("an echo request for which there are too few netbufs takes none", () => {
  const fixture = new HostFixture({ mtu: 9000 }, 4);
  fixture.deliver(arpFrame());
  const result = fixture.host.sendEchoRequest(ip(PEER_IP), 1, 1, 8000, 0);
  assertEquals(result, SendResult.NO_BUFFER);
  assertEquals(fixture.host.counters().drops, { output_no_netbuf: 1 });
  fixture.assertPoolWhole();
});

Deno.test("a jumbo request waits for ARP as a chain, and is freed as one when it is given up", () => {
  const fixture = new HostFixture({ mtu: 9000, gateway: null });
  const result = fixture.host.sendEchoRequest(ip(PEER_IP), 1, 1, 8000, 0);
  assertEquals(result, SendResult.PENDING);
  fixture.assertPoolWhole(5);
  for (let now = 0; now <= 4000; now += 1000) fixture.host.tick(now);
  fixture.assertPoolWhole();
});

Deno.test("an echo reply in a chain is told with all of its payload", () => {
  const fixture = new HostFixture({ mtu: 9000 });
  fixture.deliver(arpFrame());
  fixture.host.sendEchoRequest(ip(PEER_IP), 0xbeef, 3, 8000, 0);
  fixture.takeLog();
  const icmp = { type: 0, identifier: 0xbeef, sequence: 3, payload: counting(8000) };
  for (const ipv4 of [{ ttl: 61 }, { ttl: 61, options: [1, 1, 1, 0] }]) {
    const frame = echoFrame(ipv4, icmp);
    for (const cuts of [virtioCuts(frame.length), [HEADERS_BYTES + 4, 1003, 2906, 4805, 6704]]) {
      assertEquals(deliver(fixture, frame, cuts), { reply: null, reason: null });
      assertEquals(fixture.takeLog(), [`reply ${PEER_IP} id=48879 seq=3 bytes=8000 ttl=61`]);
      assertEquals(fixture.payloads.splice(0), [counting(8000)]);
    }
  }
});

Deno.test("two hosts ping each other with 8,000 bytes over a wire of small netbufs", () => {
  const a = new HostFixture({ gateway: null, mtu: 9000 });
  const peer = { mac: mac(PEER_MAC), address: ip(PEER_IP), gateway: null };
  const b = new HostFixture({ ...peer, mtu: 9000 }, 64, 512);
  const carry = (from: HostFixture, to: HostFixture): void => {
    for (const frame of from.takeSent()) {
      const cuts: number[] = [];
      for (let at = to.pool.bufferBytes; at < frame.length; at += to.pool.bufferBytes) {
        cuts.push(at);
      }
      const { reply } = to.input(makeChain(to.pool, frame, cuts));
      if (reply !== null) deliver(from, reply, virtioCuts(reply.length));
    }
  };
  a.host.sendEchoRequest(ip(PEER_IP), 9, 1, 8000, 0);
  carry(a, b);
  carry(a, b);
  assertEquals(a.takeLog().at(-1), `reply ${PEER_IP} id=9 seq=1 bytes=8000 ttl=64`);
  assertEquals(a.payloads, [counting(8000)]);
  a.assertPoolWhole();
  b.assertPoolWhole();
});

Deno.test("20,000 mutated frames in chains: as in one piece, or headers split; no netbuf lost", () => {
  const random = new SeededRandom(0xc4a1);
  const chained = new HostFixture();
  const whole = new HostFixture();
  let replies = 0;
  for (let i = 0; i < 20_000; i++) {
    const frame = mutated(random);
    const cuts = Array.from({ length: 1 + random.below(4) }, () => random.below(frame.length + 1))
      .toSorted((a, b) => a - b);
    const shifts = [random.below(16), random.below(16)];
    const outcome = deliver(chained, frame, cuts, shifts);
    const expected = whole.deliver(frame);
    if (outcome.reason === "netbuf_headers_split" || outcome.reason === "netbuf_chained") continue;
    assertEquals(outcome, expected, `frame ${i}, cut at ${cuts}`);
    if (outcome.reply !== null) replies++;
  }
  assert(replies > 1000, `${replies} replies`);
  assertEquals(chained.host.counters().echoRequestsAnswered, replies);
  assert((chained.host.counters().drops.netbuf_headers_split ?? 0) > 1000);
  whole.assertPoolWhole();
});

/** An echo request, or what has become of one. */
function mutated(random: SeededRandom): Uint8Array {
  const options = random.below(4) === 0 ? [1, 1, 1, 0] : [];
  const payload = random.bytes(random.below(random.below(8) === 0 ? 1473 : 120));
  let frame = echoFrame({ options }, { payload });
  if (random.below(3) === 0) frame[random.below(frame.length)] = random.below(256);
  if (random.below(6) === 0) frame = frame.slice(0, random.below(frame.length + 1));
  if (random.below(4) === 0) frame = concat(frame, random.bytes(random.below(40)));
  return frame;
}
