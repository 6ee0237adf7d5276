import { check } from "./errno.ts";
import { libc } from "./libc.ts";

/** time.h. */
const CLOCK_BOOTTIME = 7;

/** Seconds since the kernel began, with the time that the machine was suspended. */
export function secondsSinceBoot(): number {
  /** `struct timespec`: seconds, nanoseconds. */
  const time = new BigInt64Array(2);
  check("clock_gettime", libc.clock_gettime(CLOCK_BOOTTIME, time));
  return Number(time[0]) + Number(time[1]) / 1e9;
}
