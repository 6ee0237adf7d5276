import { assertEquals } from "@std/assert";
import { SendResult } from "../../stack/send_result.ts";
import {
  arpFrame,
  echoFrame,
  echoReplyFromHost,
  HOST_IP,
  HOST_MAC,
  internetChecksum,
  ip,
  mac,
  padded,
  PEER_IP,
  PEER_MAC,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

/** A host that knows its gateway's MAC address. */
function makeFixture(): HostFixture {
  const fixture = new HostFixture();
  fixture.deliver(arpFrame());
  fixture.takeLog();
  return fixture;
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

Deno.test("an echo of each length from 0 to 1472 comes back whole, with right checksums", () => {
  const random = new SeededRandom(42);
  const fixture = new HostFixture();
  for (let length = 0; length <= 1472; length++) {
    const icmp = {
      identifier: random.below(0x10000),
      sequence: random.below(0x10000),
      payload: random.bytes(length),
    };
    const { reply } = fixture.deliver(echoFrame({}, icmp));
    assertEquals(reply, echoReplyFromHost({}, icmp), `${length} bytes`);
    assertEquals(internetChecksum(reply?.slice(14, 34) ?? new Uint8Array()), 0);
    assertEquals(internetChecksum(reply?.slice(34, 42 + length) ?? new Uint8Array()), 0);
  }
  assertEquals(fixture.host.counters().echoRequestsAnswered, 1473);
  fixture.assertPoolWhole();
});

Deno.test("an all-zero echo of any length comes back with checksum 0xffff", () => {
  const fixture = new HostFixture();
  for (let length = 0; length <= 100; length++) {
    const icmp = { identifier: 0, sequence: 0, payload: new Uint8Array(length) };
    const { reply } = fixture.deliver(echoFrame({}, icmp));
    assertEquals(reply?.slice(34, 38), Uint8Array.of(0, 0, 0xff, 0xff), `${length} bytes`);
  }
});

Deno.test("the first echo request of each peer is told once", () => {
  const fixture = new HostFixture();
  fixture.deliver(echoFrame({ from: "192.0.2.9" }));
  fixture.deliver(echoFrame());
  fixture.deliver(echoFrame());
  fixture.deliver(echoFrame({ from: "10.0.2.3" }, { checksum: 0 }));
  assertEquals(fixture.takeLog(), ["echo 192.0.2.9", `echo ${PEER_IP}`]);
});

Deno.test("an echo request of ours is right to the last bit, padded with zeros", () => {
  for (const length of [0, 1, 17, 18, 19, 56, 1472]) {
    const fixture = makeFixture();
    const result = fixture.host.sendEchoRequest(ip(PEER_IP), 0xbeef, 0xfffe, length, 0);
    assertEquals(result, SendResult.SENT);
    const icmp = { type: 8, identifier: 0xbeef, sequence: 0xfffe, payload: counting(length) };
    assertEquals(fixture.takeSent(), [echoReplyFromHost({}, icmp)], `${length} bytes`);
    assertEquals(fixture.host.counters().echoRequestsSent, 1);
    fixture.assertPoolWhole();
  }
});

Deno.test("an echo reply to an identifier of ours is told with its payload", () => {
  const fixture = makeFixture();
  fixture.host.sendEchoRequest(ip(PEER_IP), 0xbeef, 3, 5, 0);
  const icmp = { type: 0, identifier: 0xbeef, sequence: 3, payload: counting(5) };
  const frames = [
    echoFrame({ ttl: 61 }, icmp),
    padded(echoFrame({ ttl: 61 }, icmp)),
    echoFrame({ ttl: 61, options: [1, 1, 1, 0] }, icmp),
  ];
  for (const frame of frames) {
    assertEquals(fixture.deliver(frame), { reply: null, reason: null });
    assertEquals(fixture.takeLog(), [`reply ${PEER_IP} id=48879 seq=3 bytes=5 ttl=61`]);
    assertEquals(fixture.payloads.splice(0), [counting(5)]);
  }
  assertEquals(fixture.host.counters().echoRepliesReceived, 3);
  fixture.assertPoolWhole();
});

Deno.test("an echo reply that is corrupt, or to another's identifier, is counted only", () => {
  const fixture = makeFixture();
  fixture.host.sendEchoRequest(ip(PEER_IP), 0xbeef, 3, 5, 0);
  const icmp = { type: 0, sequence: 3, payload: counting(5) };
  const corrupt = echoFrame({}, { ...icmp, identifier: 0xbeef, checksum: 0x1234 });
  assertEquals(fixture.deliver(corrupt).reason, "icmp_bad_checksum");
  for (const identifier of [0xbeee, 0xbeed, 0xbee7, 0xbef7, 0xefbe, 0]) {
    const { reason } = fixture.deliver(echoFrame({}, { ...icmp, identifier }));
    assertEquals(reason, "icmp_unsolicited_echo_reply", `identifier ${identifier}`);
  }
  assertEquals(fixture.takeLog(), []);
  assertEquals(fixture.host.counters().echoRepliesReceived, 0);
});

Deno.test("each identifier from 0 to 65535 is known after it was sent", () => {
  const fixture = makeFixture();
  for (const identifier of [0, 1, 7, 8, 255, 256, 0x7fff, 0x8000, 0xffff]) {
    const frame = echoFrame({}, { type: 0, identifier });
    assertEquals(fixture.deliver(frame).reason, "icmp_unsolicited_echo_reply");
    fixture.host.sendEchoRequest(ip(PEER_IP), identifier, 0, 0, 0);
    assertEquals(fixture.deliver(frame).reason, null, `identifier ${identifier}`);
  }
});

Deno.test("an echo request without a way, or beyond the MTU, is refused", () => {
  const fixture = makeFixture();
  const to = (destination: string, length: number): SendResult =>
    fixture.host.sendEchoRequest(ip(destination), 1, 1, length, 0);
  assertEquals(to(PEER_IP, 1473), SendResult.TOO_BIG);
  for (const destination of [HOST_IP, "255.255.255.255", "10.0.2.255", "224.0.0.1", "127.0.0.1"]) {
    assertEquals(to(destination, 0), SendResult.NO_ROUTE, destination);
  }
  const noGateway = new HostFixture({ gateway: null });
  const result = noGateway.host.sendEchoRequest(ip("192.0.2.1"), 1, 1, 0, 0);
  assertEquals(result, SendResult.NO_ROUTE);
  const jumbo = new HostFixture({ mtu: 9000 });
  assertEquals(jumbo.host.sendEchoRequest(ip(PEER_IP), 1, 1, 8973, 0), SendResult.TOO_BIG);
  for (const each of [fixture, noGateway, jumbo]) {
    assertEquals(each.sent, []);
    each.assertPoolWhole();
    assertEquals(each.host.counters().echoRequestsSent, 0);
  }
});

Deno.test("an echo request that fits the frame but whose reply would exceed the MTU is dropped", () => {
  const fixture = new HostFixture({ mtu: 576 });
  const fits = echoFrame({}, { payload: counting(548) });
  assertEquals(fixture.deliver(fits).reply, echoReplyFromHost({}, { payload: counting(548) }));
  const exceeds = echoFrame({}, { payload: counting(549) });
  assertEquals(fixture.deliver(exceeds).reason, "icmp_reply_exceeds_mtu");
});

Deno.test("two hosts ping each other over a wire", () => {
  const a = new HostFixture({ gateway: null });
  const b = new HostFixture({ mac: mac(PEER_MAC), address: ip(PEER_IP), gateway: null });
  const carry = (from: HostFixture, to: HostFixture): void => {
    for (const frame of from.takeSent()) {
      const { reply } = to.deliver(frame);
      if (reply !== null) from.deliver(reply);
    }
  };
  a.host.sendEchoRequest(ip(PEER_IP), 9, 1, 56, 0);
  carry(a, b);
  carry(a, b);
  assertEquals(a.takeLog(), [
    `arp ${PEER_IP} ${PEER_MAC}`,
    `reply ${PEER_IP} id=9 seq=1 bytes=56 ttl=64`,
  ]);
  assertEquals(b.takeLog(), [`arp ${HOST_IP} ${HOST_MAC}`, `echo ${HOST_IP}`]);
  assertEquals(a.payloads, [counting(56)]);
  a.assertPoolWhole();
  b.assertPoolWhole();
});
