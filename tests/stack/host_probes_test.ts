import { assertEquals } from "@std/assert";
import { ARP_PROBES } from "./arp_probes.ts";
import { ETHERNET_PROBES } from "./ethernet_probes.ts";
import {
  arpFrame,
  arpReplyFromHost,
  echoFrame,
  echoReplyFromHost,
  icmpMessage,
  ipv4Frame,
  PEER_MAC,
  PING_PAYLOAD,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";
import { cut } from "./host_probe.ts";
import { ICMP_PROBES } from "./icmp_probes.ts";
import { OPTION_PROBES } from "./ipv4_option_probes.ts";
import { IPV4_PROBES } from "./ipv4_probes.ts";

const PROBES = [
  ...ETHERNET_PROBES,
  ...ARP_PROBES.map((probe) => ({ ...probe, name: `ARP: ${probe.name}` })),
  ...IPV4_PROBES.map((probe) => ({ ...probe, name: `IPv4: ${probe.name}` })),
  ...OPTION_PROBES.map((probe) => ({ ...probe, name: `IPv4 options: ${probe.name}` })),
  ...ICMP_PROBES.map((probe) => ({ ...probe, name: `ICMP: ${probe.name}` })),
];

Deno.test("each probe gets its exact reply or is counted under its exact reason", async (t) => {
  for (const { name, frame, expected } of PROBES) {
    await t.step(name, () => {
      const fixture = new HostFixture();
      const outcome = fixture.deliver(frame);
      if (typeof expected === "string") assertEquals(outcome, { reply: null, reason: expected });
      else assertEquals(outcome, { reply: expected, reason: null });
      assertEquals(fixture.sent, []);
      fixture.assertPoolWhole();
      assertEquals(fixture.deliver(echoFrame()).reply, echoReplyFromHost(), "the next ping");
    });
  }
});

Deno.test("an ARP request cut short at any byte is dropped, whatever lies behind it", () => {
  const whole = arpFrame();
  const fixture = new HostFixture();
  for (let length = 0; length < whole.length; length++) {
    const { reply, reason } = fixture.deliver(cut(whole, length));
    assertEquals(reply, null);
    assertEquals(reason, length < 14 ? "ethernet_truncated" : "arp_truncated", `${length} bytes`);
  }
  assertEquals(fixture.deliver(whole).reply, arpReplyFromHost());
});

Deno.test("an ARP request cut short is not completed from the rest of it in the buffer", () => {
  const fixture = new HostFixture();
  const whole = arpFrame();
  for (let length = 14; length < whole.length; length++) {
    const netbuf = fixture.pool.alloc();
    if (netbuf === null) throw new Error("the pool is dry");
    netbuf.region.u8.set(whole, netbuf.data);
    netbuf.length = length;
    fixture.host.input(netbuf, 0);
    netbuf.free();
  }
  assertEquals(fixture.host.counters().drops, { arp_truncated: whole.length - 14 });
  assertEquals(fixture.host.counters().arpRequestsAnswered, 0);
});

Deno.test("an echo request cut short at any byte is dropped, also when the rest is there", () => {
  const whole = echoFrame({ options: [1, 1, 1, 0] });
  const fixture = new HostFixture();
  for (let length = 0; length < whole.length; length++) {
    const { reason } = fixture.deliver(cut(whole, length));
    assertEquals(reason, length < 14 ? "ethernet_truncated" : "ipv4_truncated", `${length} bytes`);
    const netbuf = fixture.pool.alloc();
    if (netbuf === null) throw new Error("the pool is dry");
    netbuf.region.u8.set(whole, netbuf.data);
    netbuf.length = length;
    fixture.host.input(netbuf, 0);
    netbuf.free();
  }
  assertEquals(fixture.host.counters().echoRequestsAnswered, 0);
  assertEquals(fixture.deliver(whole).reply, echoReplyFromHost());
});

Deno.test("a total length cut short at any byte is dropped by length or checksum", () => {
  for (let totalLength = 0; totalLength < 84; totalLength++) {
    const { reply, reason } = new HostFixture().deliver(echoFrame({ totalLength }));
    assertEquals(reply, null, `total length ${totalLength}`);
    let expected = "icmp_bad_checksum";
    if (totalLength < 28) expected = "icmp_truncated";
    if (totalLength < 20) expected = "ipv4_bad_total_length";
    assertEquals(reason, expected, `total length ${totalLength}`);
  }
});

Deno.test("the peer's MAC address of a reply is that of the frame, not that of the ARP cache", () => {
  const fixture = new HostFixture();
  fixture.deliver(arpFrame());
  const { reply } = fixture.deliver(echoFrame({ source: "02:00:00:00:00:77" }));
  assertEquals(reply, echoReplyFromHost({ destination: "02:00:00:00:00:77" }));
  assertEquals(fixture.deliver(echoFrame()).reply, echoReplyFromHost({ destination: PEER_MAC }));
});

Deno.test("an ICMP message of another type with the payload of a ping is not answered", () => {
  const fixture = new HostFixture();
  const frame = ipv4Frame({}, icmpMessage({ type: 17, payload: PING_PAYLOAD }));
  assertEquals(fixture.deliver(frame).reason, "icmp_unknown_type");
});
