import { assertEquals } from "@std/assert";
import { longestRun, sortedPages } from "../../../drivers/mmio/physical_run.ts";

Deno.test("the longest run of pages is found, and the first of several", () => {
  const run = (...pages: (number | null)[]) => {
    return longestRun(pages.map((page) => page === null ? null : page * 4096), 4096);
  };
  assertEquals(run(7), { start: 0, count: 1, address: 7 * 4096 });
  assertEquals(run(1, 2, 9, 10, 11, 4), { start: 2, count: 3, address: 9 * 4096 });
  assertEquals(run(5, 6, 1, 2), { start: 0, count: 2, address: 5 * 4096 });
  assertEquals(run(3, 2, 1), { start: 0, count: 1, address: 3 * 4096 });
  assertEquals(run(8, null, 9, 10, null), { start: 2, count: 2, address: 9 * 4096 });
  assertEquals(run(4, 4, 5, 6), { start: 1, count: 3, address: 4 * 4096 });
});

Deno.test("pages of which nothing is known are no run", () => {
  assertEquals([longestRun([], 4096), longestRun([null, null], 4096)], [null, null]);
});

Deno.test("a page is as far from the next as it's large", () => {
  assertEquals(longestRun([0x20_0000, 0x40_0000, 0x41_0000], 0x20_0000)?.count, 2);
});

Deno.test("pages are sorted by where they are, unknown ones last", () => {
  assertEquals(sortedPages([30, null, 10, 40, 20]), [2, 4, 0, 3, 1]);
});
