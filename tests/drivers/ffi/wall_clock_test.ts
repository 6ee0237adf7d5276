import { assert, assertGreaterOrEqual, assertLess } from "@std/assert";
import { WallClock } from "../../../drivers/ffi/wall_clock.ts";

Deno.test("it shows the time of day", () => {
  const clock = new WallClock();
  const before = Date.now();
  clock.read();
  const after = Date.now();
  const milliseconds = clock.seconds * 1000 + Math.floor(clock.nanoseconds / 1e6);
  assertGreaterOrEqual(milliseconds, before);
  assert(milliseconds <= after);
});

Deno.test("it tells parts of a microsecond apart, always below a second", () => {
  const clock = new WallClock();
  let uneven = 0;
  for (let i = 0; i < 1000; i++) {
    clock.read();
    assertLess(clock.nanoseconds, 1_000_000_000);
    // Some machines have a clock that goes on in steps of 100 ns.
    if (clock.nanoseconds % 1000 !== 0) uneven++;
  }
  assertGreaterOrEqual(uneven, 500);
});
