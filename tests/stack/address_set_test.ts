import { assertEquals } from "@std/assert";
import { mergeRanges } from "../../stack/address_range.ts";
import { AddressSet } from "../../stack/address_set.ts";
import { swapInt32 } from "../../stack/byte_swap.ts";
import { ip } from "./frames.ts";
import { SeededRandom } from "./seeded_random.ts";

Deno.test("an empty set has no address", () => {
  const set = new AddressSet([]);
  for (const text of ["0.0.0.0", "10.0.0.1", "127.255.255.255", "128.0.0.0", "255.255.255.255"]) {
    assertEquals(set.has(ip(text)), false, text);
  }
});

Deno.test("a range has its ends and what is between them, and not their neighbours", () => {
  for (const [first, last] of [["10.9.0.0", "10.9.255.255"], ["192.0.2.7", "192.0.2.7"]]) {
    const set = new AddressSet([{ first: ip(first), last: ip(last) }]);
    assertEquals(set.has(ip(first) - 1), false);
    assertEquals(set.has(ip(first)), true);
    assertEquals(set.has(ip(last)), true);
    assertEquals(set.has(ip(last) + 1), false);
    assertEquals(set.has(ip(first) ^ 1 << 31), false);
  }
});

Deno.test("sets of many ranges agree with the ranges, at all of their ends and at random", () => {
  const random = new SeededRandom(11);
  for (const count of [2, 3, 17, 300]) {
    for (const bits of [12, 18, 26]) {
      const ranges = mergeRanges(Array.from({ length: count }, () => {
        const top = (random.below(2) === 0 ? ip("10.0.0.0") : ip("192.0.0.0")) +
          random.below(2 ** 25);
        return { first: top, last: top + random.below(2 ** bits) };
      }));
      const set = new AddressSet(ranges);
      const holds = (address: number): boolean =>
        ranges.some(({ first, last }) => first <= address && address <= last);
      const ends = ranges.flatMap(({ first, last }) => [first - 1, first, last, last + 1]);
      const others = Array.from({ length: 2000 }, () => ip("10.0.0.0") + random.below(2 ** 26));
      for (const address of [...ends, ...others, 0, -1, 1 << 31]) {
        const at = `${count} ranges, address ${address}`;
        assertEquals(set.has(address), holds(address), at);
        assertEquals(set.hasWord(swapInt32(address)), holds(address), at);
      }
    }
  }
});

Deno.test("pages that are all in, and parts of pages on both sides of them, are one range", () => {
  const set = new AddressSet([
    { first: ip("10.0.255.255"), last: ip("10.3.0.0") },
    { first: ip("10.3.0.2"), last: ip("10.3.0.2") },
  ]);
  const members = ["10.0.255.255", "10.1.0.0", "10.2.255.255", "10.3.0.0", "10.3.0.2"];
  const others = ["10.0.255.254", "10.3.0.1", "10.3.0.3", "10.4.0.2", "9.255.255.255"];
  for (const text of members) assertEquals(set.has(ip(text)), true, text);
  for (const text of others) assertEquals(set.has(ip(text)), false, text);
});

Deno.test("two ranges that share a page, one of which has all of another, keep both", () => {
  const ranges = mergeRanges([
    { first: ip("10.1.0.0"), last: ip("10.1.255.255") },
    { first: ip("10.2.0.5"), last: ip("10.2.0.6") },
    { first: ip("10.2.0.9"), last: ip("10.2.255.255") },
  ]);
  const set = new AddressSet(ranges);
  for (const text of ["10.1.0.0", "10.2.0.5", "10.2.0.9", "10.2.255.255"]) {
    assertEquals(set.has(ip(text)), true, text);
  }
  for (const text of ["10.2.0.0", "10.2.0.7", "10.2.0.8", "10.3.0.0"]) {
    assertEquals(set.has(ip(text)), false, text);
  }
});
