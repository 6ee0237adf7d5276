import type { RegisterWindow } from "../../drivers/pci/register_window.ts";

/** Bytes of one access. */
export type Width = 1 | 2 | 4;

/** What stands behind a window: registers that know their offset. */
export interface Registers {
  read(offset: number, width: Width): number;
  write(offset: number, width: Width, value: number): void;
}

/**
 * A window that writes down each access, as `read16 0x12` or `write32 0x20 0x1000`. Bus errors and
 * values that do not fit the width are exceptions.
 */
export class RecordedWindow implements RegisterWindow {
  readonly byteLength: number;
  readonly accesses: string[] = [];
  readonly #registers: Registers;

  constructor(byteLength: number, registers: Registers = new Memory(byteLength)) {
    this.byteLength = byteLength;
    this.#registers = registers;
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

  #read(offset: number, width: Width): number {
    this.#check(offset, width);
    this.accesses.push(`read${8 * width} ${hex(offset)}`);
    return this.#registers.read(offset, width);
  }

  #write(offset: number, width: Width, value: number): void {
    this.#check(offset, width);
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * width)) {
      throw new Error(`${value} written as ${width} bytes`);
    }
    this.accesses.push(`write${8 * width} ${hex(offset)} ${hex(value)}`);
    this.#registers.write(offset, width, value);
  }

  #check(offset: number, width: Width): void {
    if (offset >= 0 && offset + width <= this.byteLength && offset % width === 0) return;
    throw new Error(`bus error: ${width} bytes at ${hex(offset)} of ${hex(this.byteLength)}`);
  }
}

/** Registers that keep what is written to them, little-endian. */
export class Memory implements Registers {
  readonly bytes: Uint8Array;

  constructor(byteLength: number) {
    this.bytes = new Uint8Array(byteLength);
  }

  read(offset: number, width: Width): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.bytes[offset + i];
    return value;
  }

  write(offset: number, width: Width, value: number): void {
    for (let i = 0; i < width; i++) this.bytes[offset + i] = value >>> (8 * i);
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
