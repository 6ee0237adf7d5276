import { assertEquals } from "@std/assert";
import {
  deferredWork,
  EMPTY_ROUND_BUCKETS,
  emptyRoundBucket,
} from "../../../bench/peers/empty_rounds.ts";

function countsOf(...nanoseconds: number[]): Uint32Array {
  const counts = new Uint32Array(EMPTY_ROUND_BUCKETS);
  for (const each of nanoseconds) counts[emptyRoundBucket(each)]++;
  return counts;
}

Deno.test("empty rounds that are all alike have done nothing", () => {
  assertEquals(deferredWork(countsOf()), 0);
  assertEquals(deferredWork(countsOf(64, 64, 64)), 0);
  assertEquals(deferredWork(countsOf(56, 64, 72)), 0);
});

Deno.test("what a long one among them took beyond the usual is work", () => {
  assertEquals(deferredWork(countsOf(64, 64, 64, 264, 464)), 600);
});

Deno.test("one that was interrupted isn't", () => {
  assertEquals(deferredWork(countsOf(64, 64, 64, 8200, 4_000_000)), 0);
});
