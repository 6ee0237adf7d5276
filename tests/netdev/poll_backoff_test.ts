import { assertEquals } from "@std/assert";
import { pausesAfter } from "../../netdev/poll_backoff.ts";

Deno.test("there is no pause before 128 empty rounds in a row", () => {
  for (let rounds = 0; rounds < 128; rounds++) assertEquals(pausesAfter(rounds), 0);
  assertEquals(pausesAfter(128), 1);
});

Deno.test("pauses grow with the silence, up to eight", () => {
  assertEquals([255, 256, 512, 1023, 1024].map(pausesAfter), [1, 2, 4, 7, 8]);
  assertEquals([1025, 100_000, 10_000_000].map(pausesAfter), [8, 8, 8]);
});
