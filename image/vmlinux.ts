import { ImageError } from "./image_error.ts";
import { decodeLegacyLz4 } from "./lz4_legacy.ts";

/*
 * The kernel's ELF file out of a bzImage: a boot sector and set-up code, then code that decompresses
 * the payload. Fields are those of Documentation/x86/boot.rst, "The Real-Mode Kernel Header".
 */

const SECTOR = 512;
const SETUP_SECTS = 0x1f1;
const HEADER = 0x202;
const VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

/** "HdrS", little endian. */
const HEADER_MAGIC = 0x5372_6448;
/** The version of the protocol that has the payload's place. */
const VERSION_WITH_PAYLOAD = 0x0208;
/** When setup_sects is 0. */
const DEFAULT_SETUP_SECTS = 4;
/** The kernel's build writes the length of what it compressed behind it. */
const LENGTH_BYTES = 4;

/** "\x7fELF", little endian. */
const ELF_MAGIC = 0x464c_457f;

/**
 * The vmlinux in a bzImage, which QEMU starts at once, where a bzImage would have to decompress itself
 * on the guest's processor. `ImageError` when it isn't a bzImage, or compressed otherwise than by LZ4.
 */
export function extractVmlinux(bzImage: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const payload = findPayload(bzImage);
  const split = payload.length - LENGTH_BYTES;
  const length = dataView(payload).getUint32(split, true);
  const vmlinux = decodeLegacyLz4(payload.subarray(0, split), length);
  if (vmlinux.length < 4 || dataView(vmlinux).getUint32(0, true) !== ELF_MAGIC) {
    throw new ImageError("what the kernel decompresses to is no ELF file");
  }
  return vmlinux;
}

function findPayload(bzImage: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = dataView(bzImage);
  const isBzImage = bzImage.length >= PAYLOAD_LENGTH + 4 &&
    view.getUint32(HEADER, true) === HEADER_MAGIC &&
    view.getUint16(VERSION, true) >= VERSION_WITH_PAYLOAD;
  if (!isBzImage) throw new ImageError("the kernel is no bzImage of boot protocol 2.08 or later");
  const setupSects = bzImage[SETUP_SECTS] || DEFAULT_SETUP_SECTS;
  const start = (setupSects + 1) * SECTOR + view.getUint32(PAYLOAD_OFFSET, true);
  const length = view.getUint32(PAYLOAD_LENGTH, true);
  if (length <= LENGTH_BYTES || start + length > bzImage.length) {
    throw new ImageError(
      `the kernel's payload, ${length} bytes at ${start}, is not within its ${bzImage.length} bytes`,
    );
  }
  return bzImage.subarray(start, start + length);
}

function dataView(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
