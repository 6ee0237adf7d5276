import { assertStrictEquals } from "@std/assert";
import { compiled } from "../../../drivers/ffi/libc.ts";
import { OftenCalled } from "../../../drivers/ffi/often_called.ts";

const schedYield = compiled("sched_yield");

Deno.test("a function that's called often is compiled at once, or after ten thousand calls", () => {
  assertStrictEquals(new OftenCalled("sched_yield").compiled, schedYield);
  const later = new OftenCalled("sched_yield", false);
  for (let calls = 0; calls < 10_000; calls++) {
    assertStrictEquals(later.compiled, null);
    later.count();
  }
  assertStrictEquals(later.compiled, schedYield);
});
