import { assert } from "@std/assert";
import type { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";

/** Has descriptors and timers handled until something is so. Long, for a machine that is busy. */
export async function handleUntil(waiter: FdWaiter, done: () => boolean): Promise<void> {
  const deadline = monotonicClock.now() + 20_000;
  while (!done()) {
    assert(monotonicClock.now() < deadline, `it never came so: ${done}`);
    await waiter.sleep(monotonicClock.now() + 5);
  }
}
