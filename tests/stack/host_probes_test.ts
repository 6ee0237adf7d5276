import { assertEquals } from "@std/assert";
import {
  arpFrame,
  arpReplyFromHost,
  concat,
  echoFrame,
  echoReplyFromHost,
  ethernetFrame,
  icmpMessage,
  ipv4Frame,
  padded,
  PEER_MAC,
  PING_PAYLOAD,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";

/** A frame of the peer, and the whole reply to it, or the reason for which there is none. */
interface Probe {
  name: string;
  frame: Uint8Array;
  expected: Uint8Array | string;
}

const GROUP_MAC = "01:00:5e:00:00:01";
const OWN_MAC = "02:75:0a:00:02:0f";
const OTHER_MAC = "02:75:0a:00:02:99";

/** An echo request with these options, padded with EOL to whole words. */
function withOptions(...options: number[]): Uint8Array {
  return echoFrame({ options: concat(options, new Uint8Array(-options.length & 3)) });
}

/** A frame that ends after `length` bytes of an otherwise good one. */
function cut(frame: Uint8Array, length: number): Uint8Array {
  return frame.slice(0, length);
}

function corrupt(frame: Uint8Array, offset: number): Uint8Array {
  const copy = frame.slice();
  copy[offset] ^= 0x40;
  return copy;
}

const ETHERNET_PROBES: Probe[] = [
  { name: "an empty frame", frame: new Uint8Array(), expected: "ethernet_truncated" },
  { name: "13 bytes", frame: cut(echoFrame(), 13), expected: "ethernet_truncated" },
  { name: "14 bytes of IPv4", frame: cut(echoFrame(), 14), expected: "ipv4_truncated" },
  { name: "15 bytes of IPv4", frame: cut(echoFrame(), 15), expected: "ipv4_truncated" },
  {
    name: "a frame to another station",
    frame: echoFrame({ destination: OTHER_MAC }),
    expected: "ethernet_other_host",
  },
  {
    name: "a frame to a multicast address",
    frame: echoFrame({ destination: GROUP_MAC, to: "224.0.0.1" }),
    expected: "ethernet_multicast",
  },
  {
    name: "a frame from a multicast address",
    frame: echoFrame({ source: GROUP_MAC }),
    expected: "ethernet_group_source",
  },
  {
    name: "a frame from the broadcast address",
    frame: echoFrame({ source: "ff:ff:ff:ff:ff:ff" }),
    expected: "ethernet_group_source",
  },
  {
    name: "a frame from our own address",
    frame: echoFrame({ source: OWN_MAC }),
    expected: "ethernet_own_source",
  },
  {
    name: "a VLAN tag",
    frame: ethernetFrame({ type: 0x8100 }, concat([0, 0, 8, 6], arpFrame().slice(14))),
    expected: "ethernet_unknown_type",
  },
  {
    name: "IPv6",
    frame: ethernetFrame({ type: 0x86dd }, new Uint8Array(46)),
    expected: "ethernet_unknown_type",
  },
  {
    name: "an IEEE 802.3 length",
    frame: ethernetFrame({ type: 46 }, new Uint8Array(46)),
    expected: "ethernet_unknown_type",
  },
];

const ARP_PROBES: Probe[] = [
  { name: "a broadcast request", frame: padded(arpFrame()), expected: arpReplyFromHost() },
  {
    name: "a unicast request",
    frame: padded(arpFrame({ destination: OWN_MAC })),
    expected: arpReplyFromHost(),
  },
  { name: "a request of 42 bytes", frame: arpFrame(), expected: arpReplyFromHost() },
  {
    name: "a request with garbage behind it",
    frame: concat(arpFrame(), new Uint8Array(200).fill(0x5a)),
    expected: arpReplyFromHost(),
  },
  {
    name: "a probe, spa 0 (RFC 5227 §2.1.1)",
    frame: padded(arpFrame({ spa: "0.0.0.0" })),
    expected: arpReplyFromHost({ tpa: "0.0.0.0" }),
  },
  {
    name: "a probe for another address",
    frame: padded(arpFrame({ spa: "0.0.0.0", tpa: "10.0.2.77" })),
    expected: "arp_other_target",
  },
  {
    name: "a request whose sha is not the frame's source",
    frame: padded(arpFrame({ sha: OTHER_MAC })),
    expected: arpReplyFromHost({ destination: OTHER_MAC, tha: OTHER_MAC }),
  },
  {
    name: "a request from off the subnet",
    frame: padded(arpFrame({ spa: "192.0.2.9" })),
    expected: arpReplyFromHost({ tpa: "192.0.2.9" }),
  },
  {
    name: "a request for another address",
    frame: padded(arpFrame({ tpa: "10.0.2.16" })),
    expected: "arp_other_target",
  },
  {
    name: "an announcement of another host",
    frame: padded(arpFrame({ spa: "10.0.2.9", tpa: "10.0.2.9" })),
    expected: "arp_other_target",
  },
  {
    name: "operation 0",
    frame: padded(arpFrame({ operation: 0 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 3",
    frame: padded(arpFrame({ operation: 3 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 25",
    frame: padded(arpFrame({ operation: 25 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "operation 0x0100, a request in the wrong byte order",
    frame: padded(arpFrame({ operation: 0x0100 })),
    expected: "arp_unknown_operation",
  },
  {
    name: "hardware type 2",
    frame: padded(arpFrame({ hardwareType: 2 })),
    expected: "arp_unsupported",
  },
  {
    name: "hardware type 6, IEEE 802",
    frame: padded(arpFrame({ hardwareType: 6 })),
    expected: "arp_unsupported",
  },
  {
    name: "protocol type IPv6",
    frame: padded(arpFrame({ protocolType: 0x86dd })),
    expected: "arp_unsupported",
  },
  {
    name: "a hardware length of 8",
    frame: padded(arpFrame({ hardwareLength: 8 })),
    expected: "arp_unsupported",
  },
  {
    name: "a protocol length of 16",
    frame: padded(arpFrame({ protocolLength: 16 })),
    expected: "arp_unsupported",
  },
  {
    name: "a multicast sha",
    frame: padded(arpFrame({ sha: GROUP_MAC })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "a broadcast sha",
    frame: padded(arpFrame({ sha: "ff:ff:ff:ff:ff:ff" })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "a sha of zero",
    frame: padded(arpFrame({ sha: "00:00:00:00:00:00" })),
    expected: "arp_bad_sender_hardware",
  },
  {
    name: "our own sha",
    frame: padded(arpFrame({ sha: OWN_MAC })),
    expected: "arp_bad_sender_hardware",
  },
  ...["255.255.255.255", "127.0.0.1", "224.0.0.1", "240.0.0.1", "10.0.2.255", "10.0.2.0", "0.1.2.3"]
    .map((spa) => ({
      name: `spa ${spa}`,
      frame: padded(arpFrame({ spa })),
      expected: "arp_bad_sender_protocol",
    })),
  {
    name: "a reply with spa 0",
    frame: padded(arpFrame({ operation: 2, spa: "0.0.0.0" })),
    expected: "arp_bad_sender_protocol",
  },
  {
    name: "a request from our own address",
    frame: padded(arpFrame({ spa: "10.0.2.15" })),
    expected: "arp_conflict",
  },
  {
    name: "an announcement of our own address",
    frame: padded(arpFrame({ spa: "10.0.2.15", operation: 2 })),
    expected: "arp_conflict",
  },
  {
    name: "a reply that nobody asked for",
    frame: padded(arpFrame({ destination: OWN_MAC, operation: 2, tha: OWN_MAC })),
    expected: "arp_unsolicited_reply",
  },
];

const IPV4_PROBES: Probe[] = [
  { name: "an echo request", frame: echoFrame(), expected: echoReplyFromHost() },
  {
    name: "an echo request from off the subnet, which goes back to the MAC it came from",
    frame: echoFrame({ from: "192.0.2.9", source: OTHER_MAC }),
    expected: echoReplyFromHost({ to: "192.0.2.9", destination: OTHER_MAC }),
  },
  { name: "TTL 0", frame: echoFrame({ ttl: 0 }), expected: echoReplyFromHost() },
  { name: "TTL 1", frame: echoFrame({ ttl: 1 }), expected: echoReplyFromHost() },
  {
    name: "TOS 0xb8",
    frame: echoFrame({ tos: 0xb8 }),
    expected: echoReplyFromHost({ tos: 0xb8 }),
  },
  { name: "DF set", frame: echoFrame({ fragment: 0x4000 }), expected: echoReplyFromHost() },
  {
    name: "the reserved flag set",
    frame: echoFrame({ fragment: 0x8000 }),
    expected: echoReplyFromHost(),
  },
  {
    name: "garbage behind the total length",
    frame: concat(echoFrame(), new Uint8Array(100).fill(0x5a)),
    expected: echoReplyFromHost(),
  },
  { name: "version 6", frame: echoFrame({ version: 6 }), expected: "ipv4_bad_version" },
  { name: "version 0", frame: echoFrame({ version: 0 }), expected: "ipv4_bad_version" },
  { name: "IHL 4", frame: echoFrame({ headerWords: 4 }), expected: "ipv4_bad_header_length" },
  { name: "IHL 0", frame: echoFrame({ headerWords: 0 }), expected: "ipv4_bad_header_length" },
  {
    name: "IHL 15 in a packet of 28 bytes",
    frame: padded(echoFrame({ headerWords: 15 }, { payload: [] })),
    expected: "ipv4_bad_total_length",
  },
  {
    name: "total length 0",
    frame: echoFrame({ totalLength: 0 }),
    expected: "ipv4_bad_total_length",
  },
  {
    name: "total length 19",
    frame: echoFrame({ totalLength: 19 }),
    expected: "ipv4_bad_total_length",
  },
  { name: "total length 20", frame: echoFrame({ totalLength: 20 }), expected: "icmp_truncated" },
  { name: "total length 27", frame: echoFrame({ totalLength: 27 }), expected: "icmp_truncated" },
  {
    name: "a total length of one byte more than the frame has",
    frame: echoFrame({ totalLength: 85 }),
    expected: "ipv4_truncated",
  },
  {
    name: "a wrong header checksum",
    frame: corrupt(echoFrame(), 14 + 8),
    expected: "ipv4_bad_checksum",
  },
  {
    name: "our address in a link-layer broadcast",
    frame: echoFrame({ destination: "ff:ff:ff:ff:ff:ff" }),
    expected: "ipv4_unicast_in_broadcast",
  },
  { name: "to 10.0.2.255", frame: echoFrame({ to: "10.0.2.255" }), expected: "ipv4_broadcast" },
  {
    name: "to 255.255.255.255",
    frame: echoFrame({ to: "255.255.255.255", destination: "ff:ff:ff:ff:ff:ff" }),
    expected: "ipv4_broadcast",
  },
  { name: "to 224.0.0.1", frame: echoFrame({ to: "224.0.0.1" }), expected: "ipv4_multicast" },
  ...["10.0.2.16", "0.0.0.0", "127.0.0.1", "10.0.2.0"].map((to) => ({
    name: `to ${to}`,
    frame: echoFrame({ to }),
    expected: "ipv4_other_destination",
  })),
  { name: "from ourselves", frame: echoFrame({ from: "10.0.2.15" }), expected: "ipv4_own_source" },
  ...[
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "10.0.2.255",
    "10.0.2.0",
  ].map((from) => ({
    name: `from ${from}`,
    frame: echoFrame({ from }),
    expected: "ipv4_martian_source",
  })),
  {
    name: "the first fragment",
    frame: echoFrame({ fragment: 0x2000 }),
    expected: "ipv4_fragment",
  },
  { name: "the last fragment", frame: echoFrame({ fragment: 0x00b9 }), expected: "ipv4_fragment" },
  {
    name: "UDP",
    frame: ipv4Frame({ protocol: 17 }, new Uint8Array(26)),
    expected: "ipv4_unknown_protocol",
  },
  {
    name: "protocol 200",
    frame: ipv4Frame({ protocol: 200 }, new Uint8Array(26)),
    expected: "ipv4_unknown_protocol",
  },
];

const WITHOUT_OPTIONS = echoReplyFromHost();

const OPTION_PROBES: Probe[] = [
  { name: "NOP and EOL", frame: withOptions(1, 1, 1, 0), expected: WITHOUT_OPTIONS },
  { name: "an unknown option", frame: withOptions(0x9e, 4, 1, 2), expected: WITHOUT_OPTIONS },
  { name: "a router alert", frame: withOptions(148, 4, 0, 0), expected: WITHOUT_OPTIONS },
  {
    name: "a record route",
    frame: withOptions(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0),
    expected: WITHOUT_OPTIONS,
  },
  {
    name: "a timestamp",
    frame: withOptions(68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    expected: WITHOUT_OPTIONS,
  },
  {
    name: "40 bytes of options",
    frame: withOptions(...new Array<number>(40).fill(1)),
    expected: WITHOUT_OPTIONS,
  },
  { name: "garbage behind EOL", frame: withOptions(0, 131, 0, 7), expected: WITHOUT_OPTIONS },
  {
    name: "a loose source route",
    frame: withOptions(131, 7, 4, 10, 0, 2, 9),
    expected: "ipv4_source_route",
  },
  {
    name: "a strict source route",
    frame: withOptions(137, 7, 4, 10, 0, 2, 9),
    expected: "ipv4_source_route",
  },
  {
    name: "a source route behind a NOP",
    frame: withOptions(1, 131, 3, 4),
    expected: "ipv4_source_route",
  },
  { name: "length 0", frame: withOptions(0x9e, 0, 0, 0), expected: "ipv4_bad_option" },
  { name: "length 1", frame: withOptions(0x9e, 1, 0, 0), expected: "ipv4_bad_option" },
  {
    name: "length past the header",
    frame: withOptions(1, 0x9e, 4, 0),
    expected: "ipv4_bad_option",
  },
  { name: "no length", frame: withOptions(1, 1, 1, 0x9e), expected: "ipv4_bad_option" },
  {
    name: "a record route with pointer 0",
    frame: withOptions(7, 7, 0, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
  {
    name: "a record route with pointer 3",
    frame: withOptions(7, 7, 3, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
  {
    name: "a record route without a pointer",
    frame: withOptions(1, 1, 7, 2),
    expected: "ipv4_bad_option",
  },
  {
    name: "a timestamp with pointer 4",
    frame: withOptions(68, 8, 4, 0, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
];

const ICMP_PROBES: Probe[] = [
  {
    name: "an echo of 0 bytes in a padded frame",
    frame: padded(echoFrame({}, { payload: [] })),
    expected: echoReplyFromHost({}, { payload: [] }),
  },
  {
    name: "an echo of 0 bytes in an unpadded frame",
    frame: echoFrame({}, { payload: [] }),
    expected: echoReplyFromHost({}, { payload: [] }),
  },
  {
    name: "an all-zero echo, whose reply has checksum 0xffff",
    frame: echoFrame({}, { identifier: 0, sequence: 0, payload: new Uint8Array(56) }),
    expected: echoReplyFromHost({}, {
      identifier: 0,
      sequence: 0,
      payload: new Uint8Array(56),
      checksum: 0xffff,
    }),
  },
  {
    name: "an echo with code 5, answered with code 0",
    frame: echoFrame({}, { code: 5 }),
    expected: echoReplyFromHost(),
  },
  {
    name: "a wrong checksum",
    frame: corrupt(echoFrame(), 14 + 20 + 8 + 20),
    expected: "icmp_bad_checksum",
  },
  { name: "a checksum of 0", frame: echoFrame({}, { checksum: 0 }), expected: "icmp_bad_checksum" },
  ...[13, 15, 17, 42, 99].map((type) => ({
    name: `type ${type}`,
    frame: echoFrame({}, { type }),
    expected: "icmp_unknown_type",
  })),
  ...[3, 4, 5, 11, 12].map((type) => ({
    name: `type ${type}, truncated`,
    frame: padded(echoFrame({}, { type, payload: [] })),
    expected: "icmp_error_message",
  })),
  {
    name: "an echo reply that nobody asked for",
    frame: echoFrame({}, { type: 0 }),
    expected: "icmp_unsolicited_echo_reply",
  },
];

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
