/** Malformed packets that have broken other hosts, each by the name it is known under. */
import { assertEquals } from "@std/assert";
import {
  arpFrame,
  concat,
  echoFrame,
  echoReplyFromHost,
  ethernetFrame,
  icmpMessage,
  ip,
  ipv4Frame,
  padded,
  PEER_IP,
} from "./frames.ts";
import { HostFixture, STALE_BYTE } from "./host_fixture.ts";

/** The frame is dropped for this reason, nothing is sent, and an honest ping is answered after it. */
function assertDropped(fixture: HostFixture, frame: Uint8Array, reason: string): void {
  assertEquals(fixture.deliver(frame), { reply: null, reason });
  assertEquals(fixture.sent, []);
  fixture.assertPoolWhole();
  assertEquals(fixture.deliver(echoFrame()).reply, echoReplyFromHost());
}

Deno.test("CA-1996-26, ping of death: a fragment that ends beyond 65535", () => {
  const frame = ipv4Frame({ fragment: 0x1fff }, new Uint8Array(1480));
  assertDropped(new HostFixture(), frame, "ipv4_fragment");
});

Deno.test("CVE-1999-0015, Teardrop: overlapping fragments", () => {
  const fixture = new HostFixture();
  assertDropped(fixture, ipv4Frame({ fragment: 0x2000 }, new Uint8Array(40)), "ipv4_fragment");
  assertDropped(fixture, ipv4Frame({ fragment: 0x0003 }, new Uint8Array(8)), "ipv4_fragment");
});

Deno.test("CVE-2018-5391, FragmentSmack: 10,000 first fragments hold no memory", () => {
  const fixture = new HostFixture();
  const message = icmpMessage({ payload: new Uint8Array(56) });
  for (let id = 0; id < 10_000; id++) fixture.deliver(ipv4Frame({ id, fragment: 0x2000 }, message));
  assertEquals(fixture.host.counters().drops, { ipv4_fragment: 10_000 });
  fixture.assertPoolWhole();
});

Deno.test("CVE-1999-0016, LAND: from our own address", () => {
  assertDropped(new HostFixture(), echoFrame({ from: "10.0.2.15" }), "ipv4_own_source");
});

Deno.test("CVE-1999-0513, Smurf: an echo request to a broadcast address", () => {
  for (const to of ["10.0.2.255", "255.255.255.255"]) {
    const frame = echoFrame({ to, destination: "ff:ff:ff:ff:ff:ff" });
    assertDropped(new HostFixture(), frame, "ipv4_broadcast");
  }
});

Deno.test("CVE-2003-0001, EtherLeak: padding is zero, whatever the buffer held", () => {
  const fixture = new HostFixture();
  const frames = [echoFrame({}, { payload: [] }), echoFrame({}, { payload: [1] }), arpFrame()];
  for (const frame of frames) {
    const reply = fixture.deliver(frame).reply ?? new Uint8Array();
    assertEquals(reply.length, 60);
    assertEquals(reply.slice(43).every((byte) => byte === 0), true);
    const noisy = fixture.deliver(concat(frame, new Uint8Array(100).fill(STALE_BYTE))).reply;
    assertEquals(noisy, reply);
  }
});

Deno.test("CVE-2002-0339: a total length beyond the frame is not filled up from the buffer", () => {
  for (const totalLength of [85, 100, 1500, 65_535]) {
    assertDropped(new HostFixture(), echoFrame({ totalLength }), "ipv4_truncated");
  }
});

Deno.test("CVE-2018-4407: bad options draw no error message that quotes them", () => {
  const options = new Uint8Array(40).fill(0x9e);
  assertDropped(new HostFixture(), echoFrame({ options }), "ipv4_bad_option");
});

Deno.test("CVE-2022-23093: errors that quote a cut or long header are not parsed", () => {
  const quoted = ipv4Frame({ headerWords: 15 }, new Uint8Array()).slice(14);
  for (let length = 0; length <= quoted.length; length++) {
    const frame = echoFrame({}, { type: 3, payload: quoted.slice(0, length) });
    assertDropped(new HostFixture(), frame, "icmp_error_message");
  }
});

Deno.test("CVE-2026-23398: fragmentation needed for an unknown protocol", () => {
  const quoted = ipv4Frame({ protocol: 253 }, new Uint8Array(8)).slice(14);
  const frame = echoFrame({}, { type: 3, code: 4, payload: quoted });
  assertDropped(new HostFixture(), frame, "icmp_error_message");
});

Deno.test("CVE-2023-23415: an error that quotes a fragment", () => {
  const quoted = ipv4Frame({ fragment: 0x2001 }, new Uint8Array(8)).slice(14);
  assertDropped(
    new HostFixture(),
    echoFrame({}, { type: 11, payload: quoted }),
    "icmp_error_message",
  );
});

Deno.test("CVE-2019-12256, URGENT/11: many and broken source routes", () => {
  const one = [131, 3, 0x27];
  for (const options of [concat(one, one, one, [0, 0, 0]), [137, 39, 4, 1], [131, 0, 0, 0]]) {
    assertDropped(new HostFixture(), echoFrame({ options }), "ipv4_source_route");
  }
});

Deno.test("CVE-2019-12262: a RARP reply sets no address", () => {
  const rarp = { operation: 4, tpa: "10.0.2.99" };
  assertDropped(new HostFixture(), padded(arpFrame(rarp)), "arp_unknown_operation");
  const byType = padded(arpFrame({ ...rarp, type: 0x8035 }));
  assertDropped(new HostFixture(), byType, "ethernet_unknown_type");
});

Deno.test("CVE-2020-11896, Ripple20: IP in IP is not opened", () => {
  const inner = echoFrame().slice(14);
  assertDropped(new HostFixture(), ipv4Frame({ protocol: 4 }, inner), "ipv4_unknown_protocol");
});

Deno.test("CVE-2020-11909: a total length below the header's, or below the ICMP header's", () => {
  for (let totalLength = 0; totalLength < 20; totalLength++) {
    assertDropped(new HostFixture(), echoFrame({ totalLength }), "ipv4_bad_total_length");
  }
  const options = [1, 1, 1, 0];
  assertDropped(
    new HostFixture(),
    echoFrame({ totalLength: 23, options }),
    "ipv4_bad_total_length",
  );
  assertDropped(new HostFixture(), echoFrame({ totalLength: 24, options }), "icmp_truncated");
});

Deno.test("CVE-2020-11910: an ICMP 3/4 cut short", () => {
  for (let length = 0; length < 8; length++) {
    const message = icmpMessage({ type: 3, code: 4 }).slice(0, length);
    assertDropped(new HostFixture(), padded(ipv4Frame({}, message)), "icmp_truncated");
  }
});

Deno.test("CVE-2020-11911: an address mask reply changes nothing", () => {
  const frame = echoFrame({}, { type: 18, payload: [255, 255, 255, 255] });
  assertDropped(new HostFixture(), frame, "icmp_unknown_type");
});

Deno.test("CVE-2020-11906, CVE-2020-11914: runt Ethernet and ARP frames", () => {
  for (let length = 0; length < 42; length++) {
    const reason = length < 14 ? "ethernet_truncated" : "arp_truncated";
    assertDropped(new HostFixture(), arpFrame().slice(0, length), reason);
  }
});

Deno.test("CVE-2020-17443, CVE-2026-7423: an echo request shorter than its header", () => {
  for (let length = 0; length < 8; length++) {
    const frame = padded(ipv4Frame({}, icmpMessage().slice(0, length)));
    assertDropped(new HostFixture(), frame, "icmp_truncated");
  }
});

Deno.test("CVE-2021-31344, NUCLEUS:13: options do not move the addresses of the reply", () => {
  const fixture = new HostFixture();
  // Timestamp with addresses, holding another host's where a parser off by one header would look.
  const options = [68, 12, 5, 1, 10, 0, 2, 99, 10, 0, 2, 98];
  assertEquals(fixture.deliver(echoFrame({ options })).reply, echoReplyFromHost());
});

Deno.test("CVE-2018-16527, CVE-2018-16601: header lengths that lie", () => {
  for (let headerWords = 0; headerWords < 5; headerWords++) {
    assertDropped(new HostFixture(), echoFrame({ headerWords }), "ipv4_bad_header_length");
  }
  for (let headerWords = 8; headerWords < 16; headerWords++) {
    const frame = padded(echoFrame({ headerWords }, { payload: [] }));
    assertDropped(new HostFixture(), frame, "ipv4_bad_total_length");
  }
});

Deno.test("CVE-2026-7422: our own MAC address as source passes no check", () => {
  const source = "02:75:0a:00:02:0f";
  assertDropped(new HostFixture(), echoFrame({ source }), "ethernet_own_source");
  assertDropped(new HostFixture(), padded(arpFrame({ source })), "ethernet_own_source");
});

Deno.test("CVE-2022-30552: a fragment with a total length below its header's", () => {
  const frame = echoFrame({ fragment: 0x2000, totalLength: 10 });
  assertDropped(new HostFixture(), frame, "ipv4_bad_total_length");
});

Deno.test("an ARP reply that nobody asked for does not move the gateway", () => {
  const fixture = new HostFixture();
  const forged = padded(arpFrame({ operation: 2, source: "02:66:66:66:66:66", spa: PEER_IP }));
  assertDropped(fixture, forged, "arp_unsolicited_reply");
  fixture.deliver(arpFrame(), 0);
  assertEquals(fixture.deliver(forged, 500).reason, "arp_locked");
  fixture.host.sendEchoRequest(ip("192.0.2.1"), 1, 1, 0, 600);
  assertEquals(fixture.takeSent().map((frame) => frame[0]), [0x52]);
});

Deno.test("an empty IPv4 frame and one of IPv6 are dropped before anything is read", () => {
  const stub = ethernetFrame({}, new Uint8Array());
  assertDropped(new HostFixture(), stub, "ipv4_truncated");
  const ipv6 = ethernetFrame({ type: 0x86dd }, new Uint8Array());
  assertDropped(new HostFixture(), ipv6, "ethernet_unknown_type");
});
