import { VfioError } from "./vfio_error.ts";
import { infoCapabilities, word64 } from "./vfio_ioctl.ts";

/** Addresses that a device may use for memory (IOVA), both ends included. */
export interface IovaRange {
  readonly start: number;
  readonly end: number;
}

const VFIO_IOMMU_INFO_CAPS = 1 << 1;
const VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;

/** Words of `struct vfio_iommu_type1_info`. */
const FLAGS = 1;
const CAP_OFFSET = 4;
const INFO_WORDS = 5;
/** Words of the capability behind its header: a count, a reserved one, and two numbers a range. */
const CAP_COUNT = 2;
const CAP_RANGES = 4;
const RANGE_WORDS = 4;

/** A kernel before 5.4 says nothing: all 32-bit addresses but for those of MSI's messages. */
const WITHOUT_CAPABILITY: readonly IovaRange[] = [{ start: 0, end: 0xfedf_ffff }];

/**
 * Where memory goes: above what a firmware may have kept of the lowest addresses, and below 4 GiB,
 * beyond which an old card doesn't reach.
 */
const LOWEST = 0x1000_0000;
const LIMIT = 2 ** 32;

/**
 * The usable ranges in an answer to VFIO_IOMMU_GET_INFO. There are holes: where a card's writes are
 * messages of MSI, and what the firmware has reserved.
 */
export function parseIovaRanges(answer: Uint32Array): readonly IovaRange[] {
  if ((answer[FLAGS] & VFIO_IOMMU_INFO_CAPS) === 0 || answer.length < INFO_WORDS) {
    return WITHOUT_CAPABILITY;
  }
  const capability = infoCapabilities(answer, answer[CAP_OFFSET])
    .find(({ id }) => id === VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
  if (capability === undefined) return WITHOUT_CAPABILITY;
  const ranges: IovaRange[] = [];
  const first = capability.index + CAP_RANGES;
  for (let i = 0; i < answer[capability.index + CAP_COUNT]; i++) {
    const at = first + RANGE_WORDS * i;
    if (at + RANGE_WORDS > answer.length) break;
    ranges.push({ start: word64(answer, at), end: word64(answer, at + 2) });
  }
  return ranges;
}

/** An IOVA for `byteLength` bytes, a multiple of `align`. `VfioError` when there's no place. */
export function chooseIova(
  ranges: readonly IovaRange[],
  byteLength: number,
  align: number,
): number {
  for (const { start, end } of ranges) {
    const iova = Math.ceil(Math.max(start, LOWEST) / align) * align;
    if (iova + byteLength - 1 <= Math.min(end, LIMIT - 1)) return iova;
  }
  const all = ranges.map(({ start, end }) => `0x${start.toString(16)}-0x${end.toString(16)}`);
  throw new VfioError(
    `the IOMMU has no place for ${byteLength} bytes below 4 GiB: it has ${all.join(", ")}`,
  );
}
