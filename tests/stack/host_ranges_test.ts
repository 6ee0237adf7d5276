import { assertEquals } from "@std/assert";
import { SendResult } from "../../stack/send_result.ts";
import { parseIpv4Ranges } from "../../stack/ipv4_range.ts";
import {
  arpFrame,
  arpReplyFromHost,
  BROADCAST_MAC,
  echoFrame,
  echoReplyFromHost,
  HOST_MAC,
  ip,
  padded,
  PEER_IP,
  PEER_MAC,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";

const RANGE = "10.9.0.0-10.9.255.255/8";

/** A host with all of these addresses, as `--ip` takes them. */
function makeHost(text: string): HostFixture {
  const ranges = parseIpv4Ranges(text);
  const [{ first: address, prefixLength }] = ranges;
  return new HostFixture({ address, prefixLength, gateway: null, ranges });
}

/** The target of each ARP request that the host sent, which has to be its sender as well. */
function announced(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => {
    const [sender, target] = [28, 38].map((at) => frame.slice(at, at + 4).join("."));
    assertEquals(sender, target);
    return target;
  });
}

Deno.test("each of 65,536 addresses answers ARP and echo requests from itself", () => {
  const fixture = makeHost(RANGE);
  // Odd, so that every address comes up in turn, far from the one before.
  for (let i = 0, low = 0; i < 0x10000; i++, low = low + 40_503 & 0xffff) {
    const own = `10.9.${low >>> 8}.${low & 255}`;
    const arp = fixture.deliver(arpFrame({ tpa: own }));
    const echo = fixture.deliver(echoFrame({ to: own }));
    if (i % 257 !== 0) {
      assertEquals([arp.reason, echo.reason], [null, null], own);
      continue;
    }
    assertEquals(arp.reply, arpReplyFromHost({ spa: own }), own);
    assertEquals(echo.reply, echoReplyFromHost({ from: own }), own);
  }
  const { arpRequestsAnswered, echoRequestsAnswered, drops } = fixture.host.counters();
  assertEquals([arpRequestsAnswered, echoRequestsAnswered, drops], [65_536, 65_536, {}]);
});

Deno.test("nothing outside a range is answered, be it ARP, a probe or an echo request", () => {
  const fixture = makeHost(RANGE);
  for (const other of ["10.8.255.255", "10.10.0.0", "11.9.0.1", "138.9.0.1"]) {
    assertEquals(fixture.deliver(arpFrame({ tpa: other })).reason, "arp_other_target", other);
    const probe = arpFrame({ spa: "0.0.0.0", tpa: other });
    assertEquals(fixture.deliver(probe).reason, "arp_other_target", other);
    assertEquals(fixture.deliver(echoFrame({ to: other })).reason, "ipv4_other_destination", other);
  }
});

Deno.test("the ends of a range's subnet are silent, as a host can't have them", () => {
  const fixture = makeHost("10.9.0.0-10.9.255.255/16");
  assertEquals(fixture.deliver(echoFrame({ to: "10.9.0.0" })).reason, "ipv4_other_destination");
  assertEquals(fixture.deliver(echoFrame({ to: "10.9.255.255" })).reason, "ipv4_broadcast");
  for (const tpa of ["10.9.0.0", "10.9.255.255"]) {
    assertEquals(fixture.deliver(arpFrame({ tpa })).reason, "arp_other_target");
  }
  for (const to of ["10.9.0.1", "10.9.255.254"]) {
    assertEquals(fixture.deliver(echoFrame({ to })).reply, echoReplyFromHost({ from: to }));
  }
});

Deno.test("a probe for an address of a range is answered from that", () => {
  const { reply } = makeHost(RANGE).deliver(arpFrame({ spa: "0.0.0.0", tpa: "10.9.3.7" }));
  assertEquals(reply, arpReplyFromHost({ spa: "10.9.3.7", tpa: "0.0.0.0" }));
});

Deno.test("whoever has an address of ours is a conflict, is told, and is not answered", () => {
  const fixture = makeHost(RANGE);
  assertEquals(
    fixture.deliver(arpFrame({ spa: "10.9.200.1", tpa: "10.9.0.5" })).reason,
    "arp_conflict",
  );
  assertEquals(fixture.takeLog(), [`conflict ${PEER_MAC} 10.9.200.1`]);
  const echo = fixture.deliver(echoFrame({ from: "10.9.200.1", to: "10.9.0.5" }));
  assertEquals(echo.reason, "ipv4_own_source");
});

Deno.test("single addresses are announced, each from itself; a range is not", () => {
  const fixture = makeHost(`10.9.0.0-10.9.0.99/8,10.0.2.15/24,10.0.2.16/24`);
  fixture.host.announce(0);
  assertEquals(announced(fixture.takeSent()), ["10.0.2.15", "10.0.2.16"]);
  assertEquals(fixture.host.tick(0), 2000);
  assertEquals(fixture.host.tick(2000), Infinity);
  assertEquals(announced(fixture.takeSent()), ["10.0.2.15", "10.0.2.16"]);
  assertEquals(fixture.host.counters().arpAnnouncementsSent, 4);

  const ranges = makeHost(RANGE);
  ranges.host.announce(0);
  assertEquals(ranges.host.tick(0), Infinity);
  assertEquals(ranges.takeSent(), []);
  fixture.assertPoolWhole();
});

Deno.test("what the host sends by itself comes from its first address", () => {
  const fixture = makeHost(RANGE);
  assertEquals(fixture.host.sendEchoRequest(ip("10.0.2.77"), 1, 1, 56, 0), SendResult.PENDING);
  const asked = { source: HOST_MAC, destination: BROADCAST_MAC, spa: "10.9.0.0", tpa: "10.0.2.77" };
  assertEquals(fixture.takeSent(), [padded(arpFrame(asked))]);
  fixture.deliver(arpFrame({ tpa: "10.9.1.1" }));
  fixture.host.sendEchoRequest(ip(PEER_IP), 1, 2, 56, 0);
  const [request] = fixture.takeSent();
  assertEquals(request.slice(26, 30).join("."), "10.9.0.0");
  assertEquals(fixture.host.sendEchoRequest(ip("10.9.44.1"), 1, 1, 56, 0), SendResult.NO_ROUTE);
});
