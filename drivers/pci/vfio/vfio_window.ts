import { libc } from "../../ffi/libc.ts";
import { checkAccess, type RegisterWindow } from "../register_window.ts";

export { MappedWindow } from "../mapped_window.ts";

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
