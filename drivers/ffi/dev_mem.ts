import { check } from "./errno.ts";
import { cString, libc } from "./libc.ts";

const O_RDWR = 0o2;
const O_CLOEXEC = 0o2000000;
/** Has what is mapped not cached (mem(4), the kernel's drivers/char/mem.c). */
const O_SYNC = 0o4010000;

/** Opens the machine's own address space, of which pieces can be mapped. The caller closes it. */
export function openDevMem(path = "/dev/mem"): number {
  return check("open", libc.open(cString(path), O_RDWR | O_SYNC | O_CLOEXEC, 0));
}
