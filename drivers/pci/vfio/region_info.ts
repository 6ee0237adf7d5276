import { infoCapabilities, word64 } from "./vfio_ioctl.ts";

/** Region indices of a PCI device (linux/vfio.h): BARs 0 to 5 have their own number. */
export const VFIO_PCI_CONFIG_REGION_INDEX = 7;

/** `struct vfio_region_info`: argsz, flags, index, offset of capabilities, size and offset. */
export const REGION_INFO_WORDS = 8;
const FLAGS = 1;
const CAP_OFFSET = 3;
const SIZE = 4;
const OFFSET = 6;

const VFIO_REGION_INFO_FLAG_MMAP = 1 << 2;
const VFIO_REGION_INFO_FLAG_CAPS = 1 << 3;
const VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;

/** A piece of a device's descriptor: a BAR, or configuration space. */
export interface RegionInfo {
  /** Bytes, 0 for one that isn't there. */
  readonly byteLength: number;
  /** Where it begins: far beyond 2^53. */
  readonly offset: bigint;
  /** Whether all of it can be mapped. */
  readonly mappable: boolean;
}

/** Reads an answer to VFIO_DEVICE_GET_REGION_INFO. */
export function parseRegionInfo(answer: Uint32Array): RegionInfo {
  const flags = answer[FLAGS];
  return {
    byteLength: word64(answer, SIZE),
    offset: BigInt(answer[OFFSET]) | BigInt(answer[OFFSET + 1]) << 32n,
    mappable: (flags & VFIO_REGION_INFO_FLAG_MMAP) !== 0 && !hasHoles(answer),
  };
}

/**
 * A kernel before 4.16 leaves the pages of the MSI-X table out, which it programs by itself, and lists
 * those that can be mapped.
 */
function hasHoles(answer: Uint32Array): boolean {
  if ((answer[FLAGS] & VFIO_REGION_INFO_FLAG_CAPS) === 0) return false;
  return infoCapabilities(answer, answer[CAP_OFFSET])
    .some(({ id }) => id === VFIO_REGION_INFO_CAP_SPARSE_MMAP);
}
