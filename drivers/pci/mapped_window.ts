import type { Mapping } from "../ffi/mapping.ts";
import { checkAccess, type RegisterWindow } from "./register_window.ts";

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
   * has an effect. It would throw once the mapping is gone.
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
