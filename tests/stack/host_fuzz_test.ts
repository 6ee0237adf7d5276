import { assert, assertEquals } from "@std/assert";
import { ARP_MAX_INCOMPLETE, ARP_MAX_PENDING } from "../../stack/arp.ts";
import {
  arpFrame,
  concat,
  echoFrame,
  echoReplyFromHost,
  HOST_MAC,
  internetChecksum,
  ip,
  ipv4Frame,
  PEER_IP,
} from "./frames.ts";
import { HostFixture } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

const SEEDS = [
  arpFrame(),
  arpFrame({ operation: 2, destination: HOST_MAC, spa: "10.0.2.77" }),
  arpFrame({ spa: "0.0.0.0" }),
  echoFrame(),
  echoFrame({}, { payload: [] }),
  echoFrame({}, { payload: new Uint8Array(1472) }),
  echoFrame({ options: [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0] }),
  echoFrame({}, { type: 0, identifier: 0xbeef }),
  echoFrame({}, { type: 3, payload: echoFrame().slice(14, 42) }),
  echoFrame({ fragment: 0x2000 }),
  ipv4Frame({ protocol: 17 }, new Uint8Array(26)),
];

/** One of the seeds with some bytes changed, cut or grown. */
function mutate(random: SeededRandom): Uint8Array {
  let frame: Uint8Array = SEEDS[random.below(SEEDS.length)].slice();
  for (let changes = random.below(5); changes > 0; changes--) {
    // Headers are where a change matters most.
    const reach = random.below(2) === 0 ? Math.min(frame.length, 48) : frame.length;
    frame[random.below(reach)] = random.below(4) === 0 ? random.below(2) * 255 : random.int32();
  }
  if (random.below(4) === 0) frame = frame.slice(0, random.below(frame.length + 1));
  if (random.below(8) === 0) frame = concat(frame, random.bytes(random.below(40)));
  if (random.below(2) === 0) mendChecksums(frame);
  return frame;
}

/** Makes the checksums right again where headers allow, so that more than the first check is met. */
function mendChecksums(frame: Uint8Array): void {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return;
  const headerEnd = 14 + (frame[14] & 15) * 4;
  const end = 14 + (frame[16] << 8 | frame[17]);
  mendChecksum(frame, 14, headerEnd, 24);
  if (headerEnd + 8 <= end) mendChecksum(frame, headerEnd, end, headerEnd + 2);
}

function mendChecksum(frame: Uint8Array, start: number, end: number, at: number): void {
  if (end > frame.length || at + 2 > end) return;
  frame.set([0, 0], at);
  const checksum = internetChecksum(frame.slice(start, end));
  frame.set([checksum >>> 8, checksum & 0xff], at);
}

/** What holds of any frame the host gives out, whatever provoked it. */
function assertProper(frame: Uint8Array): void {
  assert(frame.length >= 60 && frame.length <= 1514, `${frame.length} bytes`);
  assertEquals(frame.slice(6, 12), Uint8Array.of(0x02, 0x75, 10, 0, 2, 15));
  if (frame[13] === 0x06) {
    assert(frame.slice(42).every((byte) => byte === 0), "padding of an ARP packet");
    return;
  }
  const end = 14 + (frame[16] << 8 | frame[17]);
  assertEquals(frame[14], 0x45);
  assertEquals(internetChecksum(frame.slice(14, 34)), 0, "IPv4 checksum");
  assertEquals(internetChecksum(frame.slice(34, end)), 0, "ICMP checksum");
  assertEquals(Array.from(frame.slice(26, 30)), [10, 0, 2, 15]);
  assertEquals(frame.length, Math.max(end, 60));
  assert(frame.slice(end).every((byte) => byte === 0), "padding of an IPv4 packet");
}

Deno.test("20,000 mutated frames throw nothing, lose no netbuf and draw no improper frame", () => {
  const random = new SeededRandom(0x5eed);
  const fixture = new HostFixture();
  let replies = 0;
  let held = 0;
  for (let i = 0, now = 0; i < 20_000; i++, now += random.below(50)) {
    if (random.below(10) === 0) {
      const destination = ip(PEER_IP) + random.below(80);
      fixture.host.sendEchoRequest(destination, 0xbeef, i & 0xffff, random.below(100), now);
    }
    const { reply } = fixture.deliver(mutate(random), now);
    if (reply !== null) {
      assertProper(reply);
      replies++;
    }
    fixture.host.tick(now);
    fixture.takeSent().forEach(assertProper);
    held = fixture.pool.size - fixture.pool.available;
    assert(held <= ARP_MAX_INCOMPLETE * ARP_MAX_PENDING, `${held} netbufs held after frame ${i}`);
  }
  assert(replies > 1000, `${replies} replies`);
  assert(held > 0, "resolutions were under way");
  // With time but no frames, all that waits is given up.
  for (let now = 2_000_000; now <= 2_003_000; now += 1000) fixture.host.tick(now);
  fixture.assertPoolWhole();
  const reasons = Object.keys(fixture.host.counters().drops);
  assert(reasons.length > 25, `reasons met: ${reasons}`);
  assertEquals(fixture.deliver(echoFrame(), 3_000_000).reply, echoReplyFromHost());
});
