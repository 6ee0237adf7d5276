import { secondsSinceBoot } from "../../drivers/ffi/boot_clock.ts";

/** The kernel read this file last when it started Deno: nothing else is on that file system yet. */
const DENO = "/bin/deno";

/**
 * Seconds since the machine's processor began with the kernel, until the kernel started Deno. Of the
 * kernel's own clock for files, so it's a few milliseconds early. 0 when that can't be told.
 */
export function denoStarted(): number {
  const { atime } = Deno.statSync(DENO);
  if (atime === null) return 0;
  return (atime.getTime() - Date.now()) / 1000 + secondsSinceBoot();
}
