import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ARP_NONE, ArpCache, ArpUpdate } from "../../stack/arp_cache.ts";
import { SeededRandom } from "./seeded_random.ts";

const A = 0x0a000201;
const B = 0x0a000202;
const C = 0x0a000203;

function makeCache(capacity = 4, maxIncomplete = 2, pinned: number | null = null): ArpCache {
  return new ArpCache({ capacity, maxIncomplete, pinned });
}

/** The head and tail that the cache has for an address, or null. */
function known(cache: ArpCache, address: number, now: number): [number, number] | null {
  const entry = cache.lookup(address, now);
  return entry === ARP_NONE ? null : [cache.head(entry), cache.tail(entry)];
}

Deno.test("an unknown sender changes nothing until it is learnt", () => {
  const cache = makeCache();
  assertEquals(cache.update(A, 1, 2, 0), ArpUpdate.UNKNOWN);
  assertEquals(known(cache, A, 0), null);
  cache.learn(A, 1, -2, 0);
  assertEquals(known(cache, A, 0), [1, -2]);
});

Deno.test("an entry lives for 60 s after it was last confirmed", () => {
  const cache = makeCache();
  cache.learn(A, 1, 2, 1000);
  assertEquals(known(cache, A, 60_999), [1, 2]);
  assertEquals(known(cache, A, 61_000), null);
  cache.learn(A, 1, 2, 100_000);
  assertEquals(cache.update(A, 1, 2, 150_000), ArpUpdate.CONFIRMED);
  assertEquals(known(cache, A, 209_999), [1, 2]);
  assertEquals(cache.update(A, 1, 2, 210_000), ArpUpdate.UNKNOWN);
});

Deno.test("use alone does not prolong an entry's life", () => {
  const cache = makeCache();
  cache.learn(A, 1, 2, 0);
  for (let now = 0; now < 60_000; now += 1000) assertEquals(known(cache, A, now), [1, 2]);
  assertEquals(known(cache, A, 60_000), null);
});

Deno.test("an entry keeps its MAC address for 1 s after each change of it", () => {
  const cache = makeCache();
  cache.learn(A, 1, 2, 0);
  assertEquals(cache.update(A, 1, 3, 999), ArpUpdate.LOCKED);
  assertEquals(cache.update(A, 5, 2, 999), ArpUpdate.LOCKED);
  assertEquals(known(cache, A, 999), [1, 2]);
  assertEquals(cache.update(A, 1, 3, 1000), ArpUpdate.CONFIRMED);
  assertEquals(known(cache, A, 1000), [1, 3]);
  assertEquals(cache.update(A, 1, 2, 1999), ArpUpdate.LOCKED);
  assertEquals(cache.update(A, 1, 2, 2000), ArpUpdate.CONFIRMED);
});

Deno.test("a locked out MAC address does not prolong an entry's life", () => {
  const cache = makeCache();
  cache.resolve(A, 0);
  cache.update(A, 1, 2, 0);
  cache.update(A, 1, 3, 59_000);
  cache.update(A, 1, 2, 59_500);
  assertEquals(known(cache, A, 119_499 - 500), [1, 3]);
  assertEquals(known(cache, A, 119_000), null);
});

Deno.test("a resolution asks 3 times, 1 s apart, and fails 1 s after the last", () => {
  const cache = makeCache();
  const entry = cache.resolve(A, 100);
  assertEquals(cache.address(entry), A);
  assertEquals(known(cache, A, 100), null);
  assertEquals(cache.incomplete(A, 100), entry);
  for (const due of [1100, 2100]) {
    assertEquals(cache.deadline(), due);
    assertEquals(cache.due(due - 1), ARP_NONE);
    assertEquals(cache.due(due), entry);
    assertEquals(cache.retry(entry, due), true);
  }
  assertEquals(cache.deadline(), 3100);
  assertEquals(cache.due(3100), entry);
  assertEquals(cache.retry(entry, 3100), false);
  assertEquals(cache.deadline(), Infinity);
  assertEquals(cache.incomplete(A, 3100), ARP_NONE);
});

Deno.test("a late retry is still 1 s away from the next", () => {
  const cache = makeCache();
  const entry = cache.resolve(A, 0);
  assertEquals(cache.retry(entry, 5000), true);
  assertEquals(cache.deadline(), 6000);
});

Deno.test("any packet of its sender completes a resolution", () => {
  const cache = makeCache();
  cache.resolve(A, 0);
  assertEquals(cache.update(A, 7, 8, 10), ArpUpdate.RESOLVED);
  assertEquals(known(cache, A, 10), [7, 8]);
  assertEquals(cache.deadline(), Infinity);
  assertEquals(cache.due(9999), ARP_NONE);
});

Deno.test("a resolution that never ends does not expire on its own", () => {
  const cache = makeCache();
  const entry = cache.resolve(A, 0);
  assertEquals(cache.incomplete(A, 1_000_000), entry);
});

Deno.test("no more resolutions run at a time than allowed", () => {
  const cache = makeCache(4, 2);
  const first = cache.resolve(A, 0);
  assertNotEquals(first, ARP_NONE);
  assertNotEquals(cache.resolve(B, 0), ARP_NONE);
  assertEquals(cache.resolve(C, 0), ARP_NONE);
  cache.update(B, 1, 1, 0);
  assertNotEquals(cache.resolve(C, 0), ARP_NONE);
  for (let now = 1000; now <= 3000; now += 1000) cache.retry(first, now);
  assertNotEquals(cache.resolve(A, 3000), ARP_NONE);
});

Deno.test("the entry least recently used or confirmed makes room", () => {
  const cache = makeCache(3, 1);
  cache.learn(A, 1, 1, 0);
  cache.learn(B, 2, 2, 0);
  cache.learn(C, 3, 3, 0);
  cache.lookup(A, 0);
  cache.update(B, 2, 2, 0);
  cache.learn(0x0a000204, 4, 4, 0);
  assertEquals(known(cache, C, 0), null);
  assertEquals(known(cache, A, 0), [1, 1]);
  assertEquals(known(cache, B, 0), [2, 2]);
  assertEquals(known(cache, 0x0a000204, 0), [4, 4]);
});

Deno.test("neither the gateway's entry nor a resolution makes room", () => {
  const cache = makeCache(3, 2, A);
  cache.learn(A, 1, 1, 0);
  const resolving = cache.resolve(B, 0);
  for (let i = 0; i < 65_536; i++) cache.learn(0x0a010000 + i, i & 0xffff, i, 0);
  assertEquals(known(cache, A, 0), [1, 1]);
  assertEquals(cache.incomplete(B, 0), resolving);
  assertEquals(known(cache, 0x0a01ffff, 0), [0xffff, 0xffff]);
});

Deno.test("a resolution of ours takes the place of a known neighbour when the cache is full", () => {
  const cache = makeCache(2, 1, A);
  cache.learn(A, 1, 1, 0);
  cache.learn(B, 2, 2, 0);
  assertNotEquals(cache.resolve(C, 0), ARP_NONE);
  assertEquals(known(cache, B, 0), null);
  // Nothing is left that may be evicted.
  cache.learn(B, 2, 2, 0);
  assertEquals(known(cache, B, 0), null);
});

Deno.test("the cache agrees with a plain map over 50,000 random packets", () => {
  const random = new SeededRandom(7);
  const cache = makeCache(64, 8);
  const model = new Map<number, { tail: number; movedAt: number; confirmedAt: number }>();
  const seen = new Set<ArpUpdate>();
  for (let i = 0, now = 0; i < 50_000; i++, now += random.below(2500)) {
    // Half of the addresses are alike in their high bits, half in their low ones.
    const pick = random.below(48);
    const address = pick % 2 === 0 ? 0x0a000000 + pick : pick << 24 | 1;
    const tail = random.below(3);
    let expected: ArpUpdate = ArpUpdate.CONFIRMED;
    const entry = model.get(address);
    if (entry === undefined || now - entry.confirmedAt >= 60_000) {
      expected = ArpUpdate.UNKNOWN;
      model.set(address, { tail, movedAt: now, confirmedAt: now });
    } else if (entry.tail === tail) {
      entry.confirmedAt = now;
    } else if (now - entry.movedAt < 1000) {
      expected = ArpUpdate.LOCKED;
    } else {
      model.set(address, { tail, movedAt: now, confirmedAt: now });
    }
    const update = cache.update(address, 1, tail, now);
    assertEquals(update, expected, `packet ${i}`);
    if (update === ArpUpdate.UNKNOWN) cache.learn(address, 1, tail, now);
    assertEquals(known(cache, address, now), [1, model.get(address)?.tail ?? -1]);
    seen.add(update);
  }
  assertEquals(seen.size, 3);
});

Deno.test("options that make no cache are refused", () => {
  assertThrows(() => makeCache(1, 1), RangeError);
  assertThrows(() => makeCache(40_000, 1), RangeError);
  assertThrows(() => makeCache(4, 4), RangeError);
  assertThrows(() => makeCache(4, 0), RangeError);
});
