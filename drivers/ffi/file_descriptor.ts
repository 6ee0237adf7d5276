import { check } from "./errno.ts";
import { libc } from "./libc.ts";

/** Closes a descriptor that is the caller's. */
export function closeFd(fd: number): void {
  check("close", libc.close(fd));
}
