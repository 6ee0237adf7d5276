import { errno, ErrnoError } from "../../../drivers/ffi/errno.ts";
import { libc } from "../../../drivers/ffi/libc.ts";
import type { MemoryRegion } from "../../../drivers/virtio/vhost_user/message.ts";
import { BackEndError } from "./back_end_error.ts";

const PROT_NONE = 0;
const PROT_READ_WRITE = 0x1 | 0x2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const SEEK_END = 2;

/** Regions begin at a multiple of this, as files of huge pages want it. */
const ALIGNMENT = 2 * 1024 * 1024;
const PAGE_BYTES = 4096;

/** All regions together: offsets have to stay small integers, below 2^31. */
const MEMORY_MAX = 2 ** 31 - ALIGNMENT;

/**
 * The memory of a front-end: all regions mapped side by side into one reserved range, so that one
 * set of typed arrays covers them, and an address becomes an offset into those. What lies between two
 * regions is never accessed: an offset comes only from {@link offsetOf} and {@link userOffset}.
 *
 * A front-end that shortens its file afterwards takes the process with it (SIGBUS).
 */
export class GuestMemory implements Disposable {
  readonly u8: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly u16: Uint16Array<ArrayBuffer> = new Uint16Array(0);
  readonly u32: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** The same, signed: Atomics.load of a word at or above 2^31 would allocate. */
  readonly i32: Int32Array<ArrayBuffer> = new Int32Array(0);
  /** Where our own bytes begin, behind all regions: copies within one array are quick. */
  readonly scratch: number = 0;
  readonly #count: number = 0;
  /** By region: addresses, sizes, and where they begin in the arrays. */
  readonly #guest: Float64Array = new Float64Array(0);
  readonly #user: Float64Array = new Float64Array(0);
  readonly #sizes: Float64Array = new Float64Array(0);
  readonly #starts: Int32Array = new Int32Array(0);
  /** The region that the last guest address was in. */
  #lastGuest = 0;
  #lastSize = 0;
  #lastStart = 0;
  readonly #reserved: bigint = 0n;
  #address: Deno.PointerObject | null = null;

  /**
   * Maps region i from `fds[i]`, which stay the caller's and may be closed afterwards, and makes
   * `scratchBytes` that are nobody else's.
   * {@link BackEndError} when one is not inside its file, overlaps another, or when there is too much.
   */
  constructor(regions: readonly MemoryRegion[], fds: readonly number[], scratchBytes = 0) {
    if (regions.length === 0 || regions.length !== fds.length) {
      throw new BackEndError(
        `${regions.length} memory regions came with ${fds.length} descriptors`,
      );
    }
    regions.forEach((region, i) => checkRegion(regions, i, region, fds[i]));
    const slots = regions.map(slotBytes);
    const total = slots.reduce((sum, bytes) => sum + bytes, scratchBytes);
    if (total > MEMORY_MAX) {
      throw new BackEndError(`${total} bytes of memory are more than ${MEMORY_MAX}`);
    }
    // One more, so that the first region can begin at a multiple of the alignment.
    this.#reserved = BigInt(total + ALIGNMENT);
    this.#address = reserve(this.#reserved);
    const base = Deno.UnsafePointer.value(this.#address);
    let at = Number(-base & BigInt(ALIGNMENT - 1));
    this.#count = regions.length;
    this.#guest = Float64Array.from(regions, ({ guestAddress }) => guestAddress);
    this.#user = Float64Array.from(regions, ({ userAddress }) => userAddress);
    this.#sizes = Float64Array.from(regions, ({ size }) => size);
    this.#starts = new Int32Array(regions.length);
    try {
      regions.forEach((region, i) => {
        this.#starts[i] = at + region.mmapOffset % PAGE_BYTES;
        mapAt(base + BigInt(at), region, fds[i]);
        at += slots[i];
      });
      this.scratch = at;
      if (scratchBytes > 0) makeScratch(base + BigInt(at), scratchBytes);
    } catch (error) {
      libc.munmap(this.#address, this.#reserved);
      throw error;
    }
    const buffer = Deno.UnsafePointerView.getArrayBuffer(this.#address, total + ALIGNMENT);
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  /**
   * Where the `length` bytes at a guest address are in the arrays; -1 when they aren't all in one
   * region. The address comes in two halves, of which each may be signed. Nothing is allocated.
   */
  offsetOf(low: number, high: number, length: number): number {
    const address = (high >>> 0) * 0x1_0000_0000 + (low >>> 0);
    const within = address - this.#lastGuest;
    if (within >= 0 && within <= this.#lastSize) {
      const offset = within | 0;
      if (offset + (length >>> 0) <= this.#lastSize) return this.#lastStart + offset;
    }
    return this.#search(address, length >>> 0);
  }

  /** The same for an address of the front-end's own, as SET_VRING_ADDR has it. */
  userOffset(address: number, length: number): number {
    for (let i = 0; i < this.#count; i++) {
      const within = address - this.#user[i];
      if (within >= 0 && within + length <= this.#sizes[i]) return this.#starts[i] + within;
    }
    return -1;
  }

  /** Detaches the arrays and gives the memory back. */
  [Symbol.dispose](): void {
    if (this.#address === null) return;
    this.u8.buffer.transfer();
    libc.munmap(this.#address, this.#reserved);
    this.#address = null;
  }

  #search(address: number, length: number): number {
    for (let i = 0; i < this.#count; i++) {
      const within = address - this.#guest[i];
      if (within < 0 || within + length > this.#sizes[i]) continue;
      this.#lastGuest = this.#guest[i];
      this.#lastSize = this.#sizes[i];
      this.#lastStart = this.#starts[i];
      return this.#lastStart + within;
    }
    return -1;
  }
}

function checkRegion(
  regions: readonly MemoryRegion[],
  index: number,
  { guestAddress, size, userAddress, mmapOffset }: MemoryRegion,
  fd: number,
): void {
  const name = `memory region ${index}`;
  const numbers = [guestAddress, size, userAddress, mmapOffset];
  if (size === 0 || numbers.some((number) => number + size > Number.MAX_SAFE_INTEGER)) {
    throw new BackEndError(`${name}: ${size} bytes at ${guestAddress} can't be`);
  }
  if (mmapOffset % 4 !== 0) {
    throw new BackEndError(`${name}: its offset ${mmapOffset} in its file is not aligned`);
  }
  const bytes = libc.lseek(fd, 0n, SEEK_END);
  if (bytes >= 0n && BigInt(mmapOffset + size) > bytes) {
    throw new BackEndError(
      `${name}: ${size} bytes from ${mmapOffset} on are not in a file of ${bytes} bytes`,
    );
  }
  const other = regions.findIndex((that, i) =>
    i < index && that.guestAddress < guestAddress + size &&
    guestAddress < that.guestAddress + that.size
  );
  if (other >= 0) throw new BackEndError(`${name} overlaps memory region ${other}`);
}

/** Bytes that a region takes in the reservation: whole pages, from a page of its file on. */
function slotBytes({ size, mmapOffset }: MemoryRegion): number {
  return Math.ceil((size + mmapOffset % PAGE_BYTES) / ALIGNMENT) * ALIGNMENT;
}

function reserve(byteLength: bigint): Deno.PointerObject {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return mapped(libc.mmap(null, byteLength, PROT_NONE, flags, -1, 0n));
}

/** Puts a region in place of a part of the reservation. */
function mapAt(address: bigint, { size, mmapOffset }: MemoryRegion, fd: number): void {
  const skipped = mmapOffset % PAGE_BYTES;
  const length = BigInt(size + skipped);
  const offset = BigInt(mmapOffset - skipped);
  const place = Deno.UnsafePointer.create(address);
  mapped(libc.mmap(place, length, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, offset));
}

/** Makes a part of the reservation usable. */
function makeScratch(address: bigint, byteLength: number): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const place = Deno.UnsafePointer.create(address);
  mapped(libc.mmap(place, BigInt(byteLength), PROT_READ_WRITE, flags, -1, 0n));
}

function mapped(address: Deno.PointerValue): Deno.PointerObject {
  if (address === null || Deno.UnsafePointer.value(address) === MAP_FAILED) {
    throw new ErrnoError("mmap", errno());
  }
  return address;
}
