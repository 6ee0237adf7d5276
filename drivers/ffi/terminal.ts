import { check, EINTR, errno } from "./errno.ts";
import { libc } from "./libc.ts";

/** Blocks until a terminal has sent all that was written to it. `ErrnoError` when it isn't one. */
export function drainTerminal(fd: number): void {
  while (libc.tcdrain(fd) < 0) {
    if (errno() !== EINTR) check("tcdrain", -1);
  }
}
