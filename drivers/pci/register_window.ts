import type { AccessWidth } from "./pci_address.ts";

/**
 * Device registers at byte offsets from the start of a window: a BAR, or a piece of one. Each call
 * is one access of exactly that width, as a register may mean something else at another width.
 * Multi-byte values are little-endian. Offsets must be multiples of the width; a `RangeError` tells
 * of one outside the window.
 */
export interface RegisterWindow {
  readonly byteLength: number;
  read8(offset: number): number;
  read16(offset: number): number;
  read32(offset: number): number;
  write8(offset: number, value: number): void;
  write16(offset: number, value: number): void;
  write32(offset: number, value: number): void;
}

/** A piece of another window, with bounds of its own. */
export class WindowSlice implements RegisterWindow {
  readonly byteLength: number;
  readonly #window: RegisterWindow;
  readonly #start: number;

  /** The `byteLength` bytes at `start` of `window`; `RangeError` when they reach beyond it. */
  constructor(window: RegisterWindow, start: number, byteLength: number) {
    if (start < 0 || byteLength < 0 || start + byteLength > window.byteLength) {
      throw new RangeError(
        `${byteLength} bytes at ${start} reach beyond a window of ${window.byteLength}`,
      );
    }
    this.#window = window;
    this.#start = start;
    this.byteLength = byteLength;
  }

  read8(offset: number): number {
    return this.#window.read8(this.#at(offset, 1));
  }

  read16(offset: number): number {
    return this.#window.read16(this.#at(offset, 2));
  }

  read32(offset: number): number {
    return this.#window.read32(this.#at(offset, 4));
  }

  write8(offset: number, value: number): void {
    this.#window.write8(this.#at(offset, 1), value);
  }

  write16(offset: number, value: number): void {
    this.#window.write16(this.#at(offset, 2), value);
  }

  write32(offset: number, value: number): void {
    this.#window.write32(this.#at(offset, 4), value);
  }

  #at(offset: number, width: number): number {
    checkAccess(offset, width, this.byteLength);
    return this.#start + offset;
  }
}

/** Registers whose accesses are alike at each width: what is left to tell is how one is made. */
export abstract class CheckedRegisters implements RegisterWindow {
  readonly byteLength: number;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
  }

  /** One access of this width, at an offset that was checked. */
  protected abstract load(offset: number, width: AccessWidth): number;
  protected abstract store(offset: number, width: AccessWidth, value: number): void;

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

  #read(offset: number, width: AccessWidth): number {
    checkAccess(offset, width, this.byteLength);
    return this.load(offset, width);
  }

  #write(offset: number, width: AccessWidth, value: number): void {
    checkAccess(offset, width, this.byteLength);
    this.store(offset, width, value);
  }
}

/** Throws a `RangeError` unless `width` bytes at `offset` are aligned and inside `byteLength`. */
export function checkAccess(offset: number, width: number, byteLength: number): void {
  if (offset >= 0 && offset + width <= byteLength && offset % width === 0) return;
  throw new RangeError(`no register of ${width} bytes at ${offset} in a window of ${byteLength}`);
}
