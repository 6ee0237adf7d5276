import { check, errno, ErrnoError } from "./errno.ts";
import { libc } from "./libc.ts";

const PROT_READ_WRITE = 0x1 | 0x2;
export const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_POPULATE = 0x8000;
const MAP_HUGETLB = 0x4_0000;
/** Huge pages of this size, whatever the kernel's default is: the binary logarithm of it. */
const MAP_HUGE_2MB = 21 << 26;
/** madvise(2) */
const MADV_DONTFORK = 10;
const MADV_HUGEPAGE = 14;
/** mmap's answer on failure is the address -1, not null. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const HUGE_PAGE = 2 * 2 ** 20;

/** What mmap(2) is asked for. */
interface MappingOptions {
  readonly flags: number;
  /** -1 for memory that is of no file. */
  readonly fd: number;
  /** Where in the file it begins: more than 2^53 for some files that are no files. */
  readonly offset: bigint;
  /** Where it should be, if that's free, or is to be with MAP_FIXED; default anywhere. */
  readonly hint?: Deno.PointerValue;
}

/**
 * Memory that others have as well, as typed arrays. Disposing it first detaches the arrays, so that a
 * late access reads `undefined`, a late store is lost and a late Atomics call throws, where a bare
 * pointer would bring the process down.
 *
 * The arrays begin empty, not as undefined, so that V8 knows what they are.
 */
export class Mapping implements Disposable {
  readonly byteLength: number;
  readonly u8: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly u16: Uint16Array<ArrayBuffer> = new Uint16Array(0);
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #pointer: Deno.PointerObject | null;

  /** Maps `byteLength` bytes, a multiple of 4. `ErrnoError` from `mmap`. */
  protected constructor(byteLength: number, options: MappingOptions) {
    const pointer = map(byteLength, options);
    this.#pointer = pointer;
    this.byteLength = byteLength;
    const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, byteLength);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** Maps a piece of `fd`, which may be closed afterwards. `ErrnoError` from `mmap`. */
  static ofFile(fd: number, offset: bigint, byteLength: number): Mapping {
    return new Mapping(byteLength, { flags: MAP_SHARED, fd, offset });
  }

  /**
   * Zeroed memory that is of no file, in pages of 2 MiB that the kernel has set aside: `byteLength` is a
   * multiple of that. All of it is there at once. `ErrnoError` ENOMEM when there are not so many pages.
   */
  static ofHugePages(byteLength: number): Mapping {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_HUGETLB | MAP_HUGE_2MB;
    return Mapping.#keptFromChildren(new Mapping(byteLength, { flags, fd: -1, offset: 0n }));
  }

  /**
   * Zeroed memory that is of no file, and is there piece by piece, when it's touched. `byteLength` is a
   * multiple of 2 MiB, and so is where it begins, as a rule: the kernel can give it pages of that size.
   * `ErrnoError` ENOMEM when there's no room for it.
   */
  static anonymous(byteLength: number): Mapping {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    const fd = -1;
    const wide = map(byteLength + HUGE_PAGE, { flags, fd, offset: 0n });
    const start = Deno.UnsafePointer.value(wide);
    const aligned = start + (-start & (BigInt(HUGE_PAGE) - 1n));
    check("munmap", libc.munmap(wide, BigInt(byteLength + HUGE_PAGE)));
    const hint = Deno.UnsafePointer.create(aligned);
    const mapping = new Mapping(byteLength, { flags, fd, offset: 0n, hint });
    libc.madvise(mapping.#pointer, BigInt(byteLength), MADV_HUGEPAGE); // No harm if there are none.
    return Mapping.#keptFromChildren(mapping);
  }

  /** A child would have the kernel copy, on a later store, a page that a device writes to. */
  static #keptFromChildren(mapping: Mapping): Mapping {
    try {
      const length = BigInt(mapping.byteLength);
      check("madvise", libc.madvise(mapping.#pointer, length, MADV_DONTFORK));
      return mapping;
    } catch (error) {
      mapping[Symbol.dispose]();
      throw error;
    }
  }

  /** Where the kernel has it in this process; 0 once it's disposed. */
  get address(): number {
    return this.#pointer === null ? 0 : Number(Deno.UnsafePointer.value(this.#pointer));
  }

  /** Has all of it in memory from now on, never swapped. `ErrnoError` for more than the user may lock. */
  lock(): void {
    check("mlock", libc.mlock(this.#pointer, BigInt(this.byteLength)));
  }

  /**
   * Has the `byteLength` bytes at `offset` be those of `fd` at `fileOffset`, all of them multiples of the
   * size of a page. `ErrnoError` from `mmap`.
   */
  replace(offset: number, fd: number, fileOffset: bigint, byteLength: number): void {
    if (offset < 0 || offset + byteLength > this.byteLength) {
      throw new RangeError(`${byteLength} bytes at ${offset} of a mapping of ${this.byteLength}`);
    }
    const hint = Deno.UnsafePointer.create(BigInt(this.address + offset));
    map(byteLength, { flags: MAP_SHARED | MAP_FIXED, fd, offset: fileOffset, hint });
  }

  [Symbol.dispose](): void {
    if (this.#pointer === null) return;
    this.u8.buffer.transfer();
    check("munmap", libc.munmap(this.#pointer, BigInt(this.byteLength)));
    this.#pointer = null;
  }
}

function map(byteLength: number, options: MappingOptions): Deno.PointerObject {
  const { flags, fd, offset, hint = null } = options;
  const pointer = libc.mmap(hint, BigInt(byteLength), PROT_READ_WRITE, flags, fd, offset);
  if (pointer !== null && Deno.UnsafePointer.value(pointer) !== MAP_FAILED) return pointer;
  throw new ErrnoError("mmap", errno());
}
