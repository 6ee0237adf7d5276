import { libc } from "../../drivers/ffi/libc.ts";
import { createMemfd, MappedRegion } from "../../drivers/ffi/mapped_region.ts";

const PAGE_BYTES = 4096;

/**
 * Has the kernel take so many MiB into its hands, and give them back. On a machine that is a guest
 * itself, memory that nobody had for some seconds may have gone back to its host, and each MiB then costs
 * the first who touches it 2 ms (measured): half a second for a QEMU, which is no property of its guest.
 */
export function warmMemory(mebibytes: number): void {
  const bytes = mebibytes * 2 ** 20;
  const fd = createMemfd("ukdeno-bench", bytes);
  try {
    using memory = new MappedRegion(fd, bytes);
    for (let at = 0; at < bytes; at += PAGE_BYTES) memory.u8[at] = 1;
  } finally {
    libc.close(fd);
  }
}
