import { assertEquals } from "@std/assert";
import { LargeCounts } from "../../netdev/large_counts.ts";

Deno.test("a count begins as 0, and each is counted by itself", () => {
  const counts = new LargeCounts(3);
  counts.add(1, 5);
  counts.add(1, 7);
  counts.add(2, 1);
  assertEquals([0, 1, 2].map((index) => counts.get(index)), [0, 12, 1]);
});

Deno.test("a count is exact after each addition on its way beyond 2^32", () => {
  const counts = new LargeCounts(1);
  const step = 2 ** 30 - 1;
  for (let sum = 0; sum < 2 ** 33;) {
    for (const more of [1, step, 3]) {
      counts.add(0, more);
      sum += more;
      assertEquals(counts.get(0), sum);
    }
  }
});

Deno.test("what was counted can be taken off again, at first too", () => {
  const counts = new LargeCounts(1);
  counts.add(0, -3);
  assertEquals(counts.get(0), -3);
  counts.add(0, 2 ** 29);
  counts.add(0, -(2 ** 29));
  counts.add(0, 4);
  assertEquals(counts.get(0), 1);
});
