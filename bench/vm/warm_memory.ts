import { Mapping } from "../../drivers/ffi/mapping.ts";

const PAGE_BYTES = 4096;

/**
 * Has the kernel take so many MiB into its hands, an even number, and give them back. On a machine that
 * is a guest itself, memory that nobody had for some seconds may have gone back to its host, and each MiB
 * then costs the first who touches it 2 ms (measured): half a second for a QEMU, which is no property of
 * its guest. In huge pages, as QEMU takes its own: what is given back in small ones is other memory.
 */
export function warmMemory(mebibytes: number): void {
  using memory = Mapping.anonymous(mebibytes * 2 ** 20);
  for (let at = 0; at < memory.byteLength; at += PAGE_BYTES) memory.u8[at] = 1;
}
