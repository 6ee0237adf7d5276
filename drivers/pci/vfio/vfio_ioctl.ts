import { errno, ErrnoError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";

/** linux/vfio.h: all calls are `_IO(';', 100 + n)`. */
const VFIO_BASE = 0x3b64n;

/** Of a container (Documentation/driver-api/vfio.rst). */
export const VFIO_GET_API_VERSION: bigint = VFIO_BASE + 0n;
export const VFIO_CHECK_EXTENSION: bigint = VFIO_BASE + 1n;
export const VFIO_SET_IOMMU: bigint = VFIO_BASE + 2n;
export const VFIO_IOMMU_GET_INFO: bigint = VFIO_BASE + 12n;
export const VFIO_IOMMU_MAP_DMA: bigint = VFIO_BASE + 13n;
/** Of a group. */
export const VFIO_GROUP_GET_STATUS: bigint = VFIO_BASE + 3n;
export const VFIO_GROUP_SET_CONTAINER: bigint = VFIO_BASE + 4n;
export const VFIO_GROUP_GET_DEVICE_FD: bigint = VFIO_BASE + 6n;
/** Of a device. */
export const VFIO_DEVICE_GET_INFO: bigint = VFIO_BASE + 7n;
export const VFIO_DEVICE_GET_REGION_INFO: bigint = VFIO_BASE + 8n;
export const VFIO_DEVICE_GET_IRQ_INFO: bigint = VFIO_BASE + 9n;
export const VFIO_DEVICE_SET_IRQS: bigint = VFIO_BASE + 10n;

/** More than any answer has. */
const MOST_ANSWER_BYTES = 65536;

/** A call with a structure, or with none: what it returns. `ErrnoError` that has `name`. */
export function vfioCall(
  fd: number,
  name: string,
  request: bigint,
  argument: Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | null,
): number {
  const result = libc.ioctl(fd, request, argument);
  if (result < 0) throw new ErrnoError(name, errno());
  return result;
}

/** A call with a number. */
export function vfioCallValue(fd: number, name: string, request: bigint, value: number): number {
  const result = libc.ioctl_value(fd, request, BigInt(value));
  if (result < 0) throw new ErrnoError(name, errno());
  return result;
}

/**
 * Asks for a structure that begins with its own length in bytes (`argsz`). `words` is what the kernel
 * is told, as 32-bit words, with whatever for the length. When the answer is longer than that, it's
 * asked for again with as much room as the kernel says.
 */
export function vfioQuery(
  fd: number,
  name: string,
  request: bigint,
  words: readonly number[],
): Uint32Array<ArrayBuffer> {
  let answer = new Uint32Array(words.length);
  for (;;) {
    const { byteLength } = answer;
    answer.set(words);
    answer[0] = byteLength;
    vfioCall(fd, name, request, answer);
    const wanted = Math.min(answer[0], MOST_ANSWER_BYTES);
    if (wanted <= byteLength) return answer;
    answer = new Uint32Array(Math.ceil(wanted / 4));
  }
}

/** The 64-bit number at `index` and the word behind it: below 2^53, or not exact. */
export function word64(words: Uint32Array, index: number): number {
  return words[index] + words[index + 1] * 2 ** 32;
}

/** An entry of the chain of capabilities that an answer may have behind it. */
export interface InfoCapability {
  readonly id: number;
  /** Index of its first word, its header (`struct vfio_info_cap_header`: two words). */
  readonly index: number;
}

/** The chain that begins `offset` bytes into the answer, 0 for none. It ends where it makes no sense. */
export function infoCapabilities(answer: Uint32Array, offset: number): InfoCapability[] {
  const capabilities: InfoCapability[] = [];
  let at = offset;
  while (at !== 0 && at % 4 === 0 && at + 8 <= answer.byteLength) {
    const index = at / 4;
    // A chain that runs in a circle has more entries than there is room for.
    if (capabilities.length > answer.byteLength / 8) break;
    capabilities.push({ id: answer[index] & 0xffff, index });
    at = answer[index + 1];
  }
  return capabilities;
}
