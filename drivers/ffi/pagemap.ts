import { check } from "./errno.ts";
import { cString, libc } from "./libc.ts";

/** Bytes of an entry of pagemap, and the size of the pages that it counts (Linux, pagemap.rst). */
const ENTRY_BYTES = 8;
const PAGE_BYTES = 4096;

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;

/** Of the upper half: bit 63, the page is in memory; and of its frame's number, bits 32 to 54. */
const PRESENT_HIGH = 0x8000_0000;
const FRAME_HIGH = 0x007f_ffff;

/**
 * Where pages of this process lie in the machine: the physical address of each of the `count` pages of
 * `pageBytes` from `address` on; null for one that isn't in memory, or is kept from this user, as the
 * kernel tells only CAP_SYS_ADMIN. `ErrnoError` when it can't be asked.
 */
export function physicalAddresses(
  address: number,
  count: number,
  pageBytes: number,
  path = "/proc/self/pagemap",
): (number | null)[] {
  const fd = check("open", libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0));
  try {
    const each = pageBytes / PAGE_BYTES;
    const entries = new Uint32Array(2 * count * each);
    const bytes = new Uint8Array(entries.buffer);
    const at = BigInt(address / PAGE_BYTES * ENTRY_BYTES);
    check("pread", libc.pread(fd, bytes, BigInt(bytes.length), at));
    return Array.from({ length: count }, (_, page) => physicalAddress(entries, page * each));
  } finally {
    libc.close(fd);
  }
}

/** What the entry at `index` says, of entries as two words each, the lower half first. */
export function physicalAddress(entries: Uint32Array, index: number): number | null {
  const [low, high] = [entries[2 * index], entries[2 * index + 1]];
  const frame = (high & FRAME_HIGH) * 2 ** 32 + low;
  return (high & PRESENT_HIGH) === 0 || frame === 0 ? null : frame * PAGE_BYTES;
}
