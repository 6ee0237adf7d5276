import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../image/image_error.ts";
import { decodeLegacyLz4 } from "../../image/lz4_legacy.ts";

const MAGIC = [0x02, 0x21, 0x4c, 0x18];

function frame(...blocks: number[][]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...MAGIC,
    ...blocks.flatMap((block) => [block.length & 255, block.length >> 8, 0, 0, ...block]),
  ]);
}

function decode(length: number, ...blocks: number[][]): string {
  return new TextDecoder().decode(decodeLegacyLz4(frame(...blocks), length));
}

function ascii(text: string): number[] {
  return [...text].map((char) => char.charCodeAt(0));
}

Deno.test("literals stand for themselves, in several blocks", () => {
  assertEquals(decode(5, [0x30, ...ascii("abc")], [0x20, ...ascii("de")]), "abcde");
});

Deno.test("a match repeats what stands before it", () => {
  assertEquals(decode(9, [0x40, ...ascii("abcd"), 4, 0, 0x10, ...ascii("x")]), "abcdabcdx");
});

Deno.test("a match may reach into what it makes", () => {
  assertEquals(decode(9, [0x23, ...ascii("ab"), 2, 0, 0x00]), "ababababa");
});

Deno.test("lengths of 15 and more go on in the next bytes", () => {
  const literals = "abcdefghijklmnopqrst";
  // 15 + 5 literals; 15 + 255 + 3 + 4 bytes of match.
  const block = [0xff, 5, ...ascii(literals), 20, 0, 255, 3, 0x00];
  const text = decode(20 + 277, block);
  assertEquals(text, literals.repeat(15).slice(0, 297));
});

Deno.test("what isn't a whole legacy frame is refused", () => {
  const refused: [Uint8Array<ArrayBuffer>, number][] = [
    [new Uint8Array(0), 0],
    [Uint8Array.of(0x04, 0x22, 0x4d, 0x18), 0],
    [frame([0x30, ...ascii("abc")]).subarray(0, 10), 3],
    [frame([0x30, ...ascii("abc")]), 4],
    [frame([0x30, ...ascii("abc")]), 2],
    [frame([0x50, ...ascii("abc")]), 5],
    [frame([0xf0, 255]), 5],
    // A match of nothing, one before the start, and one that reaches behind the end.
    [frame([0x10, ...ascii("a"), 0, 0, 0]), 5],
    [frame([0x10, ...ascii("a"), 2, 0, 0]), 5],
    [frame([0x10, ...ascii("a"), 1, 0, 0]), 4],
  ];
  for (const [bytes, length] of refused) {
    assertThrows(() => decodeLegacyLz4(bytes, length), ImageError);
  }
});
