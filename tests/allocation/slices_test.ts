import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { allocatedBytes, collections, fewestCollections } from "./collections.ts";

const PROGRAM = "run_slices.ts";

const SLICES = 100_000;
/** For each slice: a few numbers, and no object besides. */
const FEW_BYTES = 80;

const MODES = [
  ["work", "a hundred thousand slices of the loop with all its tickers"],
  ["naps", "a hundred thousand slices with short sleeps in between"],
];

for (const [mode, slices] of MODES) {
  Deno.test(`${slices} cause no garbage collection`, async () => {
    assertEquals(await fewestCollections(PROGRAM, mode), []);
  });

  Deno.test(`one object each in ${slices} is noticed`, async () => {
    assertGreater((await collections(PROGRAM, mode, "plant")).length, 0);
  });

  Deno.test(`${slices} take few bytes in code that V8 has not optimized, too`, async () => {
    assertLess(await allocatedBytes(PROGRAM, mode) / SLICES, FEW_BYTES);
  });
}

Deno.test("one object in each slice is noticed in code that V8 has not optimized, too", async () => {
  const bytes = await allocatedBytes(PROGRAM, "work");
  const more = await allocatedBytes(PROGRAM, "work", "plant");
  assertGreater((more - bytes) / SLICES, 16);
});
