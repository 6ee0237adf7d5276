import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { checksumAfterZeroing, fold, onesComplementSum } from "../../stack/checksum.ts";
import { internetChecksum } from "./frames.ts";
import { STALE_BYTE } from "./host_fixture.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The checksum of a message in a region of stale bytes, as a big-endian number. */
function checksumInRegion(message: Uint8Array, offset: number): number {
  const region = new PlainRegion(66_000);
  region.u8.fill(STALE_BYTE);
  region.u8.set(message, offset);
  const checksum = ~onesComplementSum(region, offset, message.length) & 0xffff;
  return (checksum & 0xff) << 8 | checksum >>> 8;
}

Deno.test("onesComplementSum() agrees with a bytewise checksum at each length from 0 to 200", () => {
  const random = new SeededRandom(1);
  for (let length = 0; length <= 200; length++) {
    const message = random.bytes(length);
    for (const offset of [0, 4, 36, 64]) {
      const expected = internetChecksum(message);
      assertEquals(checksumInRegion(message, offset), expected, `${length} bytes at ${offset}`);
    }
  }
});

Deno.test("onesComplementSum() agrees at the lengths where carries pile up", () => {
  for (const length of [1472, 1480, 9000, 65_534, 65_535]) {
    const message = new Uint8Array(length).fill(0xff);
    assertEquals(checksumInRegion(message, 0), internetChecksum(message), `${length} bytes`);
  }
});

Deno.test("onesComplementSum() of the example in RFC 1071 §3 is ddf2", () => {
  const message = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assertEquals(~checksumInRegion(message, 0) & 0xffff, 0xddf2);
});

Deno.test("checksumAfterZeroing() of the all-zero echo is 0xffff and never 0", () => {
  assertEquals(checksumAfterZeroing(0xfff7, 0x0008), 0xffff);
  for (let checksum = 0; checksum <= 0xffff; checksum++) {
    const after = checksumAfterZeroing(checksum, 0x0008);
    if (after === 0) throw new Error(`0 from ${checksum}`);
    assertEquals(after % 0xffff, (checksum + 8) % 0xffff);
  }
});

Deno.test("fold() brings any sum below 2^32 to 16 bits with the same remainder by 0xffff", () => {
  for (const sum of [0, 1, 0xffff, 0x1_0000, 0x1_ffff, 0xffff_0000, 0xffff_ffff]) {
    const folded = fold(sum);
    assertEquals(folded <= 0xffff, true, `${sum}`);
    assertEquals(folded % 0xffff, sum % 0xffff, `${sum}`);
    assertEquals(folded === 0, sum === 0, `${sum}`);
  }
});
