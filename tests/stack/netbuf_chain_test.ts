import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { chainSum, extendChain, gatherChain, trimChain } from "../../stack/netbuf_chain.ts";
import { makeChain } from "./chains.ts";
import { concat, internetChecksum } from "./frames.ts";
import { makePool, netbufBytes } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

/** Bytes in front of what is summed, which puts that at a multiple of 4. */
const SKIP = 34;

/** The checksum of a message over a chain, as a big-endian number. */
function checksum(chain: Netbuf): number {
  const sum = ~chainSum(chain, SKIP) & 0xffff;
  return (sum & 0xff) << 8 | sum >>> 8;
}

function pieceLengths(chain: Netbuf): number[] {
  const lengths: number[] = [];
  for (let piece: Netbuf | null = chain; piece !== null; piece = piece.next) {
    lengths.push(piece.length);
  }
  return lengths;
}

Deno.test("chainSum() agrees with a bytewise checksum for each split in two and in three", () => {
  const pool = makePool(3, 256);
  const random = new SeededRandom(3);
  for (const length of [0, 1, 2, 7, 24, 41]) {
    const message = random.bytes(length);
    const frame = concat(new Uint8Array(SKIP).fill(0xaa), message);
    const expected = internetChecksum(message);
    for (let first = SKIP; first <= frame.length; first++) {
      for (let second = first; second <= frame.length; second++) {
        for (const cuts of second === first ? [[first], [first, first]] : [[first, second]]) {
          const chain = makeChain(pool, frame, cuts);
          assertEquals(checksum(chain), expected, `${length} bytes, cut at ${cuts}`);
          chain.free();
        }
      }
    }
  }
  assertEquals(pool.available, pool.size);
});

Deno.test("chainSum() agrees wherever in a word a piece begins", () => {
  const pool = makePool(3, 256);
  const random = new SeededRandom(4);
  const message = random.bytes(37);
  const frame = concat(new Uint8Array(SKIP), message);
  for (let first = SKIP; first <= frame.length; first++) {
    for (let second = first; second <= frame.length; second++) {
      for (let shift = 0; shift < 16; shift++) {
        const chain = makeChain(pool, frame, [first, second], [shift & 3, shift >> 2]);
        const where = `cut at ${first}, ${second}, shifted by ${shift & 3}, ${shift >> 2}`;
        assertEquals(checksum(chain), internetChecksum(message), where);
        chain.free();
      }
    }
  }
});

Deno.test("chainSum() agrees where carries pile up", () => {
  const pool = makePool(9, 9088);
  for (const length of [8972, 65_515]) {
    const frame = new Uint8Array(SKIP + length).fill(0xff);
    const cuts = [9001, 18_001, 27_000, 36_001, 45_002, 54_001, 63_001].filter((at) =>
      at < frame.length
    );
    const chain = makeChain(pool, frame, cuts.length > 0 ? cuts : [2001, 4001, 6002], [12, 1, 0]);
    assertEquals(checksum(chain), internetChecksum(frame.subarray(SKIP)), `${length} bytes`);
    chain.free();
  }
});

Deno.test("trimChain() leaves just the bytes it is told, and frees the pieces behind them", () => {
  const pool = makePool(4, 256);
  const frame = new SeededRandom(5).bytes(60);
  for (const cuts of [[20, 40], [20, 20, 40], [0, 60], [20, 40, 60]]) {
    for (let length = 0; length <= frame.length; length++) {
      const chain = makeChain(pool, frame, cuts);
      trimChain(chain, length);
      const where = `cut at ${cuts}, trimmed to ${length}`;
      assertEquals(netbufBytes(chain), frame.slice(0, length), where);
      const lengths = pieceLengths(chain);
      assertEquals(pool.available, pool.size - lengths.length, where);
      assertEquals(lengths.length === 1 || lengths[lengths.length - 1] > 0, true, where);
      chain.free();
      assertEquals(pool.available, pool.size);
    }
  }
});

Deno.test("gatherChain() makes one netbuf of a chain", () => {
  const pool = makePool(4, 256);
  const frame = new SeededRandom(6).bytes(60);
  for (const cuts of [[], [1], [20, 20, 40], [0, 0, 59]]) {
    const chain = makeChain(pool, frame, cuts, [3]);
    gatherChain(chain);
    assertEquals(pieceLengths(chain), [60]);
    assertEquals(netbufBytes(chain), frame);
    assertEquals(pool.available, pool.size - 1);
    chain.free();
  }
});

Deno.test("extendChain() adds as many netbufs as are needed, or says that there are too few", () => {
  const pool = makePool(4, 192);
  const output = { alloc: () => pool.alloc(), send: (): void => {} };
  const room = pool.bufferBytes;
  for (const length of [100, room, room + 1, 3 * room - 1, 4 * room]) {
    const chain = makeChain(pool, new Uint8Array(Math.min(length, room)), []);
    assertEquals(extendChain(chain, length, output), true);
    assertEquals(chain.chainLength(), length);
    assertEquals(pool.available, pool.size - Math.ceil(length / room));
    chain.free();
  }
  const chain = makeChain(pool, new Uint8Array(room), []);
  assertEquals(extendChain(chain, 4 * room + 1, output), false);
  chain.free();
  assertEquals(pool.available, pool.size);
});
