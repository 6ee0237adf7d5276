import { assertLess } from "@std/assert";
import type { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../../../netdev/clock.ts";

/** Sleeps for 50 ms; a descriptor that is always ready would end that at once, again and again. */
export async function assertSleeps(waiter: FdWaiter): Promise<void> {
  let rounds = 0;
  const deadline = monotonicClock.now() + 50;
  while (monotonicClock.now() < deadline) {
    await waiter.sleep(deadline);
    rounds++;
  }
  assertLess(rounds, 5);
}
