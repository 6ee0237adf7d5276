import type { DmaRegion } from "../../netdev/dma_region.ts";
import { check } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { MAP_SHARED, Mapping } from "./mapping.ts";

const MFD_CLOEXEC = 0x1;
const MFD_HUGETLB = 0x4;

/** Makes an anonymous file in memory of `byteLength` zeroed bytes; the caller closes it. */
export function createMemfd(name: string, byteLength: number): number {
  return create(name, byteLength, MFD_CLOEXEC);
}

/**
 * The same, in pages that the kernel has set aside as huge ones: mapping it is `ErrnoError` ENOMEM where
 * there are not so many. `ErrnoError` where a kernel has no such thing.
 */
export function createHugeMemfd(name: string, byteLength: number): number {
  return create(name, byteLength, MFD_CLOEXEC | MFD_HUGETLB);
}

function create(name: string, byteLength: number, flags: number): number {
  const fd = check("memfd_create", libc.memfd_create(cString(name), flags));
  try {
    check("ftruncate", libc.ftruncate(fd, BigInt(byteLength)));
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

/** A file's memory, shared with others, from the file's start. */
export class MappedRegion extends Mapping implements DmaRegion {
  /** Maps the first `byteLength` bytes (a multiple of 4) of `fd`, which may be closed afterwards. */
  constructor(fd: number, byteLength: number) {
    super(byteLength, { flags: MAP_SHARED, fd, offset: 0n });
  }

  /** The offset itself: who maps guest memory from its start sees addresses as the guest does. */
  deviceAddress(offset: number): number {
    return offset;
  }
}
