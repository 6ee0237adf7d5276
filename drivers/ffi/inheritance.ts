import { check } from "./errno.ts";
import { libc } from "./libc.ts";

const F_SETFD = 2;

/**
 * Lets child processes started from now on inherit `fd`, under the same number. All descriptors that
 * this folder makes are closed on exec otherwise.
 */
export function letInherit(fd: number): void {
  check("fcntl", libc.fcntl(fd, F_SETFD, 0));
}
