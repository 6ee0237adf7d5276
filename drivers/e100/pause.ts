import type { Clock } from "../../netdev/clock.ts";

/** Lets so many microseconds go by, where the hardware asks for a few between two accesses. */
export function pause(clock: Clock, microseconds: number): void {
  const end = clock.now() + microseconds / 1000;
  while (clock.now() < end);
}
