import { assertEquals } from "@std/assert";
import {
  type AddressRange,
  countAddresses,
  firstCommon,
  mergeRanges,
  withoutAddresses,
} from "../../stack/address_range.ts";
import { formatIpv4 } from "../../stack/ipv4_address.ts";
import { ip } from "./frames.ts";
import { SeededRandom } from "./seeded_random.ts";

function ranges(...texts: string[]): AddressRange[] {
  return texts.map((text) => {
    const [first, last = first] = text.split("-").map(ip);
    return { first, last };
  });
}

function texts(given: readonly AddressRange[]): string[] {
  return given.map(({ first, last }) =>
    first === last ? formatIpv4(first) : `${formatIpv4(first)}-${formatIpv4(last)}`
  );
}

Deno.test("ranges that overlap or touch become one; a gap of one address stays a gap", () => {
  const given = ranges("10.0.0.9-10.0.0.20", "10.0.0.1-10.0.0.8", "10.0.0.22", "10.0.0.3-10.0.0.5");
  assertEquals(texts(mergeRanges(given)), ["10.0.0.1-10.0.0.20", "10.0.0.22"]);
  assertEquals(mergeRanges([]), []);
});

Deno.test("addresses from 128.0.0.0 on are ranges like others", () => {
  const given = ranges("192.168.0.0-192.168.0.9", "10.0.0.1", "192.168.0.10", "200.0.0.1");
  assertEquals(
    new Set(texts(mergeRanges(given))),
    new Set(["10.0.0.1", "192.168.0.0-192.168.0.10", "200.0.0.1"]),
  );
});

Deno.test("addresses are taken out of the ends and the middle, and a range of one is gone", () => {
  const given = ranges("10.0.0.0-10.0.0.9", "10.0.1.0", "10.0.2.0-10.0.2.3");
  const out = ["10.0.0.9", "10.0.0.0", "10.0.0.4", "10.0.0.5", "10.0.1.0", "10.0.9.9"].map(ip);
  assertEquals(texts(withoutAddresses(given, [...out, out[0]])), [
    "10.0.0.1-10.0.0.3",
    "10.0.0.6-10.0.0.8",
    "10.0.2.0-10.0.2.3",
  ]);
});

Deno.test("the lowest common address of two lists is found, wherever it is", () => {
  const some = ranges("10.0.0.1-10.0.0.5", "10.0.0.9", "10.0.1.0-10.0.1.9");
  assertEquals(firstCommon(some, ranges("10.0.0.0", "10.0.0.6-10.0.0.8", "10.0.2.0")), null);
  assertEquals(firstCommon(some, ranges("10.0.0.7-10.0.1.3")), ip("10.0.0.9"));
  assertEquals(firstCommon(some, ranges("10.0.0.6", "10.0.1.4-10.0.1.20")), ip("10.0.1.4"));
  assertEquals(firstCommon(some, []), null);
});

Deno.test("merging and taking out agree with a set, for random small ranges", () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 500; round++) {
    const given = Array.from({ length: random.below(8) }, () => {
      const first = random.below(60);
      return { first, last: first + random.below(9) };
    });
    const out = Array.from({ length: random.below(8) }, () => random.below(70));
    const members = new Set(given.flatMap(({ first, last }) => (
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    )));
    const merged = mergeRanges(given);
    assertEquals(countAddresses(merged), members.size);
    merged.slice(1).forEach(({ first }, i) => assertEquals(first > merged[i].last + 1, true));
    for (const address of out) members.delete(address);
    const left = withoutAddresses(merged, out).flatMap(({ first, last }) => (
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    ));
    assertEquals(left, [...members].sort((a, b) => a - b));
  }
});
