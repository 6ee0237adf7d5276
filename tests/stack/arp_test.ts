import { assert, assertEquals } from "@std/assert";
import { SendResult } from "../../stack/send_result.ts";
import {
  type ArpFields,
  arpFrame,
  arpReplyFromHost,
  BROADCAST_MAC,
  echoFrame,
  HOST_IP,
  HOST_MAC,
  ip,
  mac,
  padded,
  PEER_IP,
  PEER_MAC,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";

const NEIGHBOUR_IP = "10.0.2.77";
const NEIGHBOUR_MAC = "02:00:00:00:00:77";

/** The request by which the host asks for an address. */
function requestFromHost(tpa: string): Uint8Array {
  return padded(arpFrame({ source: HOST_MAC, destination: BROADCAST_MAC, spa: HOST_IP, tpa }));
}

/** A neighbour's reply to the host. */
function replyToHost(fields: ArpFields = {}): Uint8Array {
  return padded(arpFrame({
    operation: 2,
    destination: HOST_MAC,
    source: NEIGHBOUR_MAC,
    spa: NEIGHBOUR_IP,
    tha: HOST_MAC,
    tpa: HOST_IP,
    ...fields,
  }));
}

function ping(fixture: HostFixture, to: string, now: number, sequence = 1): SendResult {
  return fixture.host.sendEchoRequest(ip(to), 0x4321, sequence, 56, now);
}

/** Destination MAC and sequence number of each echo request. */
function pings(frames: Uint8Array[]): [Uint8Array, number][] {
  return frames.map((frame) => [frame.slice(0, 6), frame[14 + 20 + 7]]);
}

Deno.test("a packet waits for its next hop's reply and then goes out to it", () => {
  const fixture = new HostFixture();
  assertEquals(ping(fixture, NEIGHBOUR_IP, 0), SendResult.PENDING);
  assertEquals(fixture.takeSent(), [requestFromHost(NEIGHBOUR_IP)]);
  fixture.assertPoolWhole(1);
  assertEquals(fixture.deliver(replyToHost(), 5), { reply: null, reason: null });
  assertEquals(pings(fixture.takeSent()), [[mac(NEIGHBOUR_MAC), 1]]);
  fixture.assertPoolWhole();
  assertEquals(ping(fixture, NEIGHBOUR_IP, 10, 2), SendResult.SENT);
  assertEquals(pings(fixture.takeSent()), [[mac(NEIGHBOUR_MAC), 2]]);
  assertEquals(fixture.takeLog(), [`arp ${NEIGHBOUR_IP} ${NEIGHBOUR_MAC}`]);
  assertEquals(fixture.host.counters().arpRepliesReceived, 1);
});

Deno.test("a request of the next hop resolves it as well, and is answered", () => {
  const fixture = new HostFixture();
  ping(fixture, NEIGHBOUR_IP, 0);
  fixture.takeSent();
  const request = arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP });
  assertEquals(
    fixture.deliver(request).reply,
    arpReplyFromHost({ destination: NEIGHBOUR_MAC, tha: NEIGHBOUR_MAC, tpa: NEIGHBOUR_IP }),
  );
  assertEquals(pings(fixture.takeSent()), [[mac(NEIGHBOUR_MAC), 1]]);
  fixture.assertPoolWhole();
});

Deno.test("requests go out 1 s apart; after 3 the packet is dropped and the observer told", () => {
  const fixture = new HostFixture();
  ping(fixture, NEIGHBOUR_IP, 100);
  fixture.takeSent();
  assertEquals(fixture.host.tick(100), 1100);
  assertEquals(fixture.host.tick(1099), 1100);
  assertEquals(fixture.takeSent(), []);
  assertEquals(fixture.host.tick(1100), 2100);
  assertEquals(fixture.takeSent(), [requestFromHost(NEIGHBOUR_IP)]);
  assertEquals(fixture.host.tick(2100), 3100);
  assertEquals(fixture.takeSent(), [requestFromHost(NEIGHBOUR_IP)]);
  assertEquals(fixture.takeLog(), []);
  assertEquals(fixture.host.tick(3100), Infinity);
  assertEquals(fixture.takeSent(), []);
  assertEquals(fixture.takeLog(), [`unresolved ${NEIGHBOUR_IP}`]);
  assertEquals(fixture.host.counters().drops, { arp_resolution_failed: 1 });
  assertEquals(fixture.host.counters().arpRequestsSent, 3);
  fixture.assertPoolWhole();
});

Deno.test("more packets for an address make no more requests, and go out in order", () => {
  const fixture = new HostFixture();
  for (let sequence = 1; sequence <= 5; sequence++) {
    assertEquals(ping(fixture, NEIGHBOUR_IP, sequence * 10, sequence), SendResult.PENDING);
  }
  assertEquals(fixture.takeSent(), [requestFromHost(NEIGHBOUR_IP)]);
  fixture.assertPoolWhole(5);
  fixture.deliver(replyToHost(), 60);
  const sent = [1, 2, 3, 4, 5].map((sequence) => [mac(NEIGHBOUR_MAC), sequence]);
  assertEquals(pings(fixture.takeSent()), sent as ReturnType<typeof pings>);
  assertEquals(fixture.host.counters().drops, {});
  fixture.assertPoolWhole();
});

Deno.test("of more than 16 packets for an address the newest wait", () => {
  const fixture = new HostFixture();
  for (let sequence = 1; sequence <= 20; sequence++) ping(fixture, NEIGHBOUR_IP, 10, sequence);
  fixture.assertPoolWhole(16);
  assertEquals(fixture.host.counters().drops, { arp_pending_replaced: 4 });
  fixture.takeSent();
  fixture.deliver(replyToHost(), 60);
  const sequences = pings(fixture.takeSent()).map(([, sequence]) => sequence);
  assertEquals(sequences, Array.from({ length: 16 }, (_, i) => 5 + i));
  fixture.assertPoolWhole();
});

Deno.test("all packets that waited in vain are freed, and counted", () => {
  const fixture = new HostFixture();
  for (let sequence = 1; sequence <= 3; sequence++) ping(fixture, NEIGHBOUR_IP, 0, sequence);
  for (let now = 1000; now <= 3000; now += 1000) fixture.host.tick(now);
  assertEquals(fixture.host.counters().drops, { arp_resolution_failed: 3 });
  fixture.assertPoolWhole();
});

Deno.test("a destination off the subnet is reached through the gateway", () => {
  const fixture = new HostFixture();
  assertEquals(ping(fixture, "192.0.2.9", 0), SendResult.PENDING);
  assertEquals(fixture.takeSent(), [requestFromHost(PEER_IP)]);
  fixture.deliver(replyToHost({ source: PEER_MAC, spa: PEER_IP }));
  const [frame] = fixture.takeSent();
  assertEquals(frame.slice(0, 6), mac(PEER_MAC));
  assertEquals(Array.from(frame.slice(30, 34)), [192, 0, 2, 9]);
  for (let now = 100_000; now <= 103_000; now += 1000) {
    if (now === 100_000) ping(fixture, "192.0.2.9", now);
    fixture.host.tick(now);
  }
  assertEquals(fixture.takeLog().at(-1), `unresolved ${PEER_IP}`);
});

Deno.test("at most 16 resolutions run at a time; the next packet is refused, not kept", () => {
  const fixture = new HostFixture();
  for (let i = 0; i < 16; i++) {
    assertEquals(ping(fixture, `10.0.2.${100 + i}`, 0), SendResult.PENDING);
  }
  assertEquals(ping(fixture, "10.0.2.200", 0), SendResult.NO_BUFFER);
  fixture.assertPoolWhole(16);
  assertEquals(fixture.host.counters().drops, { arp_too_many_pending: 1 });
  assertEquals(fixture.host.counters().echoRequestsSent, 16);
  for (let now = 1000; now <= 3000; now += 1000) fixture.host.tick(now);
  fixture.assertPoolWhole();
  assertEquals(fixture.takeLog().length, 16);
  assertEquals(ping(fixture, "10.0.2.200", 3000), SendResult.PENDING);
});

Deno.test("a pool without a netbuf for the request leaves the packet waiting for the retry", () => {
  const fixture = new HostFixture({}, 1);
  assertEquals(ping(fixture, NEIGHBOUR_IP, 0), SendResult.PENDING);
  assertEquals(fixture.takeSent(), []);
  assertEquals(ping(fixture, NEIGHBOUR_IP, 0), SendResult.NO_BUFFER);
  assertEquals(fixture.host.counters().drops, { output_no_netbuf: 2 });
  for (let now = 1000; now <= 3000; now += 1000) fixture.host.tick(now);
  assertEquals(fixture.host.counters().arpRequestsSent, 0);
  fixture.assertPoolWhole();
});

Deno.test("the address is announced twice, 2 s apart, as a request with spa = tpa", () => {
  const fixture = new HostFixture();
  const announcement = requestFromHost(HOST_IP);
  assertEquals(fixture.host.tick(0), Infinity);
  fixture.host.announce(1000);
  assertEquals(fixture.takeSent(), [announcement]);
  assertEquals(fixture.host.tick(1000), 3000);
  assertEquals(fixture.host.tick(2999), 3000);
  assertEquals(fixture.takeSent(), []);
  assertEquals(fixture.host.tick(3001), Infinity);
  assertEquals(fixture.takeSent(), [announcement]);
  assertEquals(fixture.host.tick(99_999), Infinity);
  assertEquals(fixture.takeSent(), []);
  assertEquals(fixture.host.counters().arpAnnouncementsSent, 2);
  assertEquals(fixture.host.counters().arpRequestsSent, 0);
});

Deno.test("a neighbour that asked for us is known for 60 s", () => {
  const fixture = new HostFixture();
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP }), 0);
  assertEquals(ping(fixture, NEIGHBOUR_IP, 59_999), SendResult.SENT);
  assertEquals(ping(fixture, NEIGHBOUR_IP, 60_000), SendResult.PENDING);
});

Deno.test("nobody else becomes known: no stranger's request, no unasked reply, no probe", () => {
  const fixture = new HostFixture();
  const from = { source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP };
  fixture.deliver(arpFrame({ ...from, tpa: "10.0.2.3" }));
  fixture.deliver(arpFrame({ ...from, tpa: NEIGHBOUR_IP }));
  fixture.deliver(replyToHost());
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: "0.0.0.0" }));
  assertEquals(ping(fixture, NEIGHBOUR_IP, 0), SendResult.PENDING);
});

Deno.test("senders off the subnet are answered, but not cached: they push nobody out", () => {
  const fixture = new HostFixture();
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP }));
  for (let i = 0; i < 300; i++) {
    const spa = `10.7.${i >> 8}.${i & 255}`;
    assertEquals(fixture.deliver(arpFrame({ spa })).reply, arpReplyFromHost({ tpa: spa }));
  }
  assertEquals(ping(fixture, NEIGHBOUR_IP, 0), SendResult.SENT);
});

Deno.test("any ARP packet of a known neighbour moves it, but not within 1 s of its last move", () => {
  const fixture = new HostFixture();
  const other = "02:00:00:00:00:78";
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP }), 0);
  assertEquals(fixture.deliver(replyToHost({ source: other }), 999).reason, "arp_locked");
  ping(fixture, NEIGHBOUR_IP, 999, 1);
  assertEquals(fixture.deliver(replyToHost({ source: other }), 1000).reason, null);
  ping(fixture, NEIGHBOUR_IP, 1000, 2);
  // An announcement to everybody is as good.
  const announcement = arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP, tpa: NEIGHBOUR_IP });
  fixture.deliver(announcement, 2000);
  ping(fixture, NEIGHBOUR_IP, 2000, 3);
  assertEquals(pings(fixture.takeSent()), [
    [mac(NEIGHBOUR_MAC), 1],
    [mac(other), 2],
    [mac(NEIGHBOUR_MAC), 3],
  ]);
});

Deno.test("a conflict is told at once and then every 10 s, and counted each time", () => {
  const fixture = new HostFixture();
  const conflict = arpFrame({ source: NEIGHBOUR_MAC, spa: HOST_IP, tpa: HOST_IP });
  for (const now of [0, 1, 9999, 10_000, 19_999, 20_001]) fixture.deliver(conflict, now);
  assertEquals(fixture.takeLog(), new Array(3).fill(`conflict ${NEIGHBOUR_MAC} ${HOST_IP}`));
  assertEquals(fixture.host.counters().drops, { arp_conflict: 6 });
  assertEquals(fixture.sent, []);
});

Deno.test("the first request of each peer is told once", () => {
  const fixture = new HostFixture();
  fixture.deliver(arpFrame());
  fixture.deliver(arpFrame());
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: NEIGHBOUR_IP }));
  fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa: "0.0.0.0" }));
  const expected = [`arp ${PEER_IP} ${PEER_MAC}`, `arp ${NEIGHBOUR_IP} ${NEIGHBOUR_MAC}`];
  assertEquals(fixture.takeLog(), expected);
});

Deno.test("65,536 spoofed senders leave the gateway's entry and the pool alone", () => {
  const fixture = new HostFixture({ prefixLength: 8 });
  fixture.deliver(arpFrame(), 0);
  for (let i = 0; i < 65_536; i++) {
    const spa = `10.7.${i >> 8}.${i & 255}`;
    assert(fixture.deliver(arpFrame({ source: NEIGHBOUR_MAC, spa }), 1).reply !== null);
  }
  assertEquals(ping(fixture, "192.0.2.9", 2), SendResult.SENT);
  assertEquals(pings(fixture.takeSent()), [[mac(PEER_MAC), 1]]);
  assertEquals(fixture.host.counters().arpRequestsAnswered, 65_537);
  fixture.assertPoolWhole();
  assert(fixture.deliver(echoFrame()).reply !== null);
});
