import { libc } from "../../ffi/libc.ts";
import type { Mapping } from "../../ffi/mapping.ts";
import { checkAccess, type RegisterWindow } from "../register_window.ts";

/**
 * Registers that are mapped: each call is one load or store of exactly its width, and no system call.
 * Once the mapping is disposed they read as all ones, as a bus does on which nobody answers, and what
 * is written to them is lost.
 */
export class MappedWindow implements RegisterWindow {
  readonly byteLength: number;
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;

  constructor({ byteLength, u8, u16, u32 }: Mapping) {
    this.byteLength = byteLength;
    this.#u8 = u8;
    this.#u16 = u16;
    this.#u32 = u32;
  }

  /*
   * By Atomics.load(), which V8 doesn't leave out when nobody uses the value: reading some registers
   * has an effect. It throws when the mapping is gone.
   */

  read8(offset: number): number {
    checkAccess(offset, 1, this.byteLength);
    return this.#u8.length === 0 ? 0xff : Atomics.load(this.#u8, offset);
  }

  read16(offset: number): number {
    checkAccess(offset, 2, this.byteLength);
    return this.#u16.length === 0 ? 0xffff : Atomics.load(this.#u16, offset / 2);
  }

  read32(offset: number): number {
    checkAccess(offset, 4, this.byteLength);
    return this.#u32.length === 0 ? 0xffff_ffff : Atomics.load(this.#u32, offset / 4);
  }

  /* Plain stores: Atomics.store() is an exchange on x86, a read as well as a write. */

  write8(offset: number, value: number): void {
    checkAccess(offset, 1, this.byteLength);
    this.#u8[offset] = value;
  }

  write16(offset: number, value: number): void {
    checkAccess(offset, 2, this.byteLength);
    this.#u16[offset / 2] = value;
  }

  write32(offset: number, value: number): void {
    checkAccess(offset, 4, this.byteLength);
    this.#u32[offset / 4] = value;
  }
}

/** What a descriptor is asked with, one at a time, by width. */
const SCRATCH = new ArrayBuffer(4);
const SCRATCH_BYTES = new Uint8Array(SCRATCH);
const SCRATCH_VIEWS = {
  1: SCRATCH_BYTES,
  2: new Uint16Array(SCRATCH),
  4: new Uint32Array(SCRATCH),
};

/**
 * Registers that are read and written through the device's descriptor: I/O ports and configuration
 * space. Each call is a system call, and one access of that width. All ones when nobody answers.
 */
export class DescriptorWindow implements RegisterWindow {
  readonly byteLength: number;
  readonly #start: bigint;
  #fd: number | null;

  /** `start`: where they begin in the descriptor. It stays the caller's, who calls {@link close}. */
  constructor(fd: number, start: bigint, byteLength: number) {
    this.#fd = fd;
    this.#start = start;
    this.byteLength = byteLength;
  }

  /** Nobody answers any more: the descriptor may be closed, and its number be another's. */
  close(): void {
    this.#fd = null;
  }

  read8(offset: number): number {
    return this.#read(offset, 1);
  }

  read16(offset: number): number {
    return this.#read(offset, 2);
  }

  read32(offset: number): number {
    return this.#read(offset, 4);
  }

  write8(offset: number, value: number): void {
    this.#write(offset, 1, value);
  }

  write16(offset: number, value: number): void {
    this.#write(offset, 2, value);
  }

  write32(offset: number, value: number): void {
    this.#write(offset, 4, value);
  }

  #read(offset: number, width: 1 | 2 | 4): number {
    checkAccess(offset, width, this.byteLength);
    const at = this.#start + BigInt(offset);
    const isRead = this.#fd !== null &&
      libc.pread(this.#fd, SCRATCH_BYTES, BigInt(width), at) === width;
    return isRead ? SCRATCH_VIEWS[width][0] : 2 ** (8 * width) - 1;
  }

  #write(offset: number, width: 1 | 2 | 4, value: number): void {
    checkAccess(offset, width, this.byteLength);
    if (this.#fd === null) return;
    SCRATCH_VIEWS[width][0] = value;
    // What fails is as lost as what is written to a card that has gone.
    libc.pwrite(this.#fd, SCRATCH_BYTES, BigInt(width), this.#start + BigInt(offset));
  }
}
