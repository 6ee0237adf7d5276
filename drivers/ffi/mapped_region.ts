import type { DmaRegion } from "../../netdev/dma_region.ts";
import { check, errno, ErrnoError } from "./errno.ts";
import { cString, libc } from "./libc.ts";

const MFD_CLOEXEC = 0x1;
const PROT_READ_WRITE = 0x1 | 0x2;
const MAP_SHARED = 0x01;
/** mmap's answer on failure is the address -1, not null. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Makes an anonymous file in memory of `byteLength` zeroed bytes; the caller closes it. */
export function createMemfd(name: string, byteLength: number): number {
  const fd = check("memfd_create", libc.memfd_create(cString(name), MFD_CLOEXEC));
  try {
    check("ftruncate", libc.ftruncate(fd, BigInt(byteLength)));
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

/**
 * A shared mapping of a file, as typed arrays. Disposing it first detaches the arrays, so that a
 * late access reads `undefined` and a late Atomics call throws, where a bare pointer would bring
 * the process down.
 *
 * The arrays begin empty, not as undefined, so that V8 knows what they are.
 */
export class MappedRegion implements DmaRegion, Disposable {
  readonly byteLength: number;
  readonly u8: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly u16: Uint16Array<ArrayBuffer> = new Uint16Array(0);
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #address: Deno.PointerObject | null;

  /** Maps the first `byteLength` bytes (a multiple of 4) of `fd`, which may be closed afterwards. */
  constructor(fd: number, byteLength: number) {
    const length = BigInt(byteLength);
    const address = libc.mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, 0n);
    if (address === null || Deno.UnsafePointer.value(address) === MAP_FAILED) {
      throw new ErrnoError("mmap", errno());
    }
    this.#address = address;
    this.byteLength = byteLength;
    const buffer = Deno.UnsafePointerView.getArrayBuffer(address, byteLength);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** The offset itself: who maps guest memory from its start sees addresses as the guest does. */
  deviceAddress(offset: number): number {
    return offset;
  }

  [Symbol.dispose](): void {
    if (this.#address === null) return;
    this.u8.buffer.transfer();
    check("munmap", libc.munmap(this.#address, BigInt(this.byteLength)));
    this.#address = null;
  }
}
