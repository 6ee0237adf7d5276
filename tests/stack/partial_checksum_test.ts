import { assert, assertEquals } from "@std/assert";
import { NETBUF_F_DATA_VALID, NETBUF_F_PARTIAL_CSUM } from "../../netdev/netbuf.ts";
import { completeChecksum, leaveChecksum } from "../../stack/partial_checksum.ts";
import { makeChain } from "./chains.ts";
import { internetChecksum } from "./frames.ts";
import { makePool, netbufBytes } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

function big16(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}

Deno.test("a partial checksum is completed wherever it starts, lies and is cut, and only that changes", () => {
  const pool = makePool(3, 256);
  const random = new SeededRandom(7);
  for (const length of [60, 61, 75]) {
    const frame = random.bytes(length);
    for (let start = 14; start < 44; start += 2) {
      for (const offset of [0, 2, 6, 16]) {
        for (let cut = start + offset + 2; cut <= length; cut += 7) {
          const chain = makeChain(pool, frame, [cut, Math.min(cut + 3, length)], [0, cut & 3]);
          chain.flags = NETBUF_F_PARTIAL_CSUM;
          chain.csumStart = start;
          chain.csumOffset = offset;
          completeChecksum(chain);
          const expected = frame.slice();
          const checksum = internetChecksum(frame.slice(start)) || 0xffff;
          expected.set([checksum >>> 8, checksum & 0xff], start + offset);
          const where = `${length} bytes from ${start}, field at ${offset}, cut at ${cut}`;
          assertEquals(netbufBytes(chain), expected, where);
          assertEquals(chain.flags, NETBUF_F_DATA_VALID);
          chain.free();
        }
      }
    }
  }
  assertEquals(pool.available, pool.size);
});

Deno.test("a checksum that would be 0 is 0xffff: to UDP 0 means that there is none (RFC 768)", () => {
  const pool = makePool(1, 256);
  const frame = new Uint8Array(60);
  frame.set([0xff, 0xfe, 0, 1], 34);
  const netbuf = makeChain(pool, frame, []);
  netbuf.flags = NETBUF_F_PARTIAL_CSUM;
  netbuf.csumStart = 34;
  netbuf.csumOffset = 8;
  completeChecksum(netbuf);
  assertEquals(big16(netbufBytes(netbuf), 42), 0xffff);
});

Deno.test("a packet whose checksum is not partial stays as it is", () => {
  const pool = makePool(1, 256);
  const frame = new SeededRandom(8).bytes(60);
  for (const flags of [0, NETBUF_F_DATA_VALID]) {
    const netbuf = makeChain(pool, frame, []);
    netbuf.flags = flags;
    netbuf.csumStart = 34;
    completeChecksum(netbuf);
    assertEquals(netbufBytes(netbuf), frame);
    assertEquals(netbuf.flags, flags);
    netbuf.free();
  }
});

Deno.test("a checksum that is left to the device is what completing it makes of it", () => {
  const pool = makePool(1, 256);
  const frame = new SeededRandom(9).bytes(75);
  const netbuf = makeChain(pool, frame, []);
  leaveChecksum(netbuf, 34, 2);
  assertEquals(big16(netbufBytes(netbuf), 36), 0);
  assert((netbuf.flags & NETBUF_F_PARTIAL_CSUM) !== 0);
  completeChecksum(netbuf);
  assertEquals(internetChecksum(netbufBytes(netbuf).slice(34)), 0);
});
