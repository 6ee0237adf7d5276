import { assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { checkIpv4Options, OptionsCheck } from "../../stack/ipv4_options.ts";
import { SeededRandom } from "./seeded_random.ts";

/** Checks options that lie in front of these other bytes. */
function check(options: number[], behind: number[] = []): OptionsCheck {
  const region = new PlainRegion(64);
  region.u8.set([...options, ...behind], 20);
  return checkIpv4Options(region, 20, options.length);
}

Deno.test("options that fit are passed over, known or not", () => {
  assertEquals(check([]), OptionsCheck.OK);
  assertEquals(check([1, 1, 1, 0]), OptionsCheck.OK);
  assertEquals(check([0x9e, 4, 1, 2]), OptionsCheck.OK);
  assertEquals(check([0x9e, 2, 0x9f, 2]), OptionsCheck.OK);
  assertEquals(check([7, 3, 4, 0]), OptionsCheck.OK);
  assertEquals(check([68, 4, 5, 0]), OptionsCheck.OK);
});

Deno.test("nothing behind the end of the list is looked at", () => {
  assertEquals(check([0, 131, 0, 7]), OptionsCheck.OK);
  assertEquals(check([1, 1, 1, 1], [131, 3, 4, 0]), OptionsCheck.OK);
});

Deno.test("an option's length and pointer are not taken from behind the options", () => {
  assertEquals(check([1, 1, 1, 0x9e], [2, 0, 0, 0]), OptionsCheck.MALFORMED);
  assertEquals(check([1, 1, 7, 2], [4, 0, 0, 0]), OptionsCheck.MALFORMED);
});

Deno.test("lengths 0 and 1, and one past the end, are malformed", () => {
  for (const length of [0, 1, 5, 255]) {
    assertEquals(check([0x9e, length, 0, 0]), OptionsCheck.MALFORMED, `length ${length}`);
  }
});

Deno.test("the pointers of record route and timestamp have their least values", () => {
  assertEquals(check([7, 7, 3, 0, 0, 0, 0, 0]), OptionsCheck.MALFORMED);
  assertEquals(check([7, 7, 4, 0, 0, 0, 0, 0]), OptionsCheck.OK);
  assertEquals(check([68, 8, 4, 0, 0, 0, 0, 0]), OptionsCheck.MALFORMED);
  assertEquals(check([68, 8, 5, 0, 0, 0, 0, 0]), OptionsCheck.OK);
});

Deno.test("a source route is one even when it is malformed", () => {
  assertEquals(check([131, 7, 4, 0, 0, 0, 0, 0]), OptionsCheck.SOURCE_ROUTE);
  assertEquals(check([137, 0, 0, 0]), OptionsCheck.SOURCE_ROUTE);
  assertEquals(check([1, 1, 1, 131]), OptionsCheck.SOURCE_ROUTE);
});

Deno.test("random options always come to an end", () => {
  const random = new SeededRandom(11);
  for (let i = 0; i < 20_000; i++) {
    const result = check(Array.from(random.bytes(random.below(11) * 4)));
    assertEquals(result >= OptionsCheck.OK && result <= OptionsCheck.SOURCE_ROUTE, true);
  }
});
