import { Memory, RecordedWindow, type Registers, type Width } from "./recorded_window.ts";

/** Type 0 header (PCI 3.0 §6.1). */
const COMMAND = 0x04;
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const STATUS = 0x06;
const STATUS_CAP_LIST = 0x10;
const HEADER_TYPE = 0x0e;
const BASE_ADDRESS_0 = 0x10;
const CAPABILITIES_POINTER = 0x34;
const FIRST_CAPABILITY = 0x40;

/** A base address register (§6.2.5.1). */
export interface FakeBar {
  readonly byteLength: number;
  /** Takes the register behind it for the upper half of the address. */
  readonly wide?: boolean;
  /** Decodes I/O ports. */
  readonly io?: boolean;
  /** What it decodes to; plain memory by default. */
  readonly registers?: Registers;
  /** Bits of the address that stick, where they are not those of the length. */
  readonly mask?: number;
}

/** Ids of a function. */
export interface FakeIds {
  readonly vendorId: number;
  readonly deviceId: number;
  /** 0xCCSSPP. */
  readonly classCode?: number;
  readonly revision?: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
  /** Bit 7: one of several functions. */
  readonly headerType?: number;
}

/** One PCI function: 256 bytes of configuration space, and windows behind its BARs. */
export class FakePciFunction {
  /** Configuration space, to be looked at and spoilt. */
  readonly space = new Memory(256);
  /** Windows by number of BAR. */
  readonly windows = new Map<number, RecordedWindow>();
  /** The bytes that the driver may write, beside BARs: command, and those that are named. */
  readonly writable = new Set<number>([COMMAND, COMMAND + 1]);
  readonly #bars = new Map<number, FakeBar>();
  #nextCapability = FIRST_CAPABILITY;
  /** Where the offset of the next capability is to be written. */
  #link = CAPABILITIES_POINTER;

  constructor(ids: FakeIds) {
    const { space } = this;
    space.write(0x00, 2, ids.vendorId);
    space.write(0x02, 2, ids.deviceId);
    space.write(0x08, 1, ids.revision ?? 0);
    space.write(0x09, 1, (ids.classCode ?? 0) & 0xff);
    space.write(0x0a, 2, (ids.classCode ?? 0) >>> 8);
    space.write(HEADER_TYPE, 1, ids.headerType ?? 0);
    space.write(0x2c, 2, ids.subsystemVendorId ?? 0);
    space.write(0x2e, 2, ids.subsystemId ?? 0);
  }

  /** Whether the function answers to accesses of its memory BARs. */
  get decodes(): boolean {
    return (this.space.read(COMMAND, 2) & COMMAND_MEMORY) !== 0;
  }

  /** Whether the function answers to accesses of its I/O BARs. */
  get decodesPorts(): boolean {
    return (this.space.read(COMMAND, 2) & COMMAND_IO) !== 0;
  }

  /** Gives it a BAR. */
  addBar(index: number, bar: FakeBar): RecordedWindow {
    const window = new RecordedWindow(bar.byteLength, bar.registers);
    this.#bars.set(index, bar);
    this.windows.set(index, window);
    this.space.write(BASE_ADDRESS_0 + 4 * index, 4, typeBits(bar));
    return window;
  }

  /** Appends a capability to the list (§6.7) and returns its offset. `bytes` come behind the link. */
  addCapability(id: number, bytes: readonly number[]): number {
    const offset = this.#nextCapability;
    this.space.write(STATUS, 2, STATUS_CAP_LIST);
    this.space.write(this.#link, 1, offset);
    this.#link = offset + 1;
    this.space.bytes.set([id, 0, ...bytes], offset);
    this.#nextCapability = (offset + 2 + bytes.length + 3) & ~3;
    return offset;
  }

  /** The address in a BAR, as the driver left it. */
  barAddress(index: number): number {
    const offset = BASE_ADDRESS_0 + 4 * index;
    const bar = this.#bars.get(index);
    const low = (this.space.read(offset, 4) & (bar?.io === true ? ~3 : ~15)) >>> 0;
    const wide = bar?.wide === true;
    return wide ? this.space.read(offset + 4, 4) * 2 ** 32 + low : low;
  }

  write(offset: number, width: Width, value: number): void {
    const index = (offset - BASE_ADDRESS_0) / 4;
    if (index >= 0 && index < 6) return this.#writeBar(index, offset, width, value);
    for (let i = 0; i < width; i++) {
      if (this.writable.has(offset + i)) this.space.write(offset + i, 1, value >>> (8 * i) & 0xff);
    }
  }

  #writeBar(index: number, offset: number, width: Width, value: number): void {
    if (width !== 4 || offset % 4 !== 0) throw new Error(`a BAR written as ${width} bytes`);
    if (this.decodes || this.decodesPorts) {
      throw new Error("a BAR moved while the function decodes it");
    }
    const bar = this.#bars.get(index);
    if (bar !== undefined) {
      const mask = bar.mask ?? ~(bar.byteLength - 1);
      this.space.write(offset, 4, ((value & mask) | typeBits(bar)) >>> 0);
    } else if (this.#bars.get(index - 1)?.wide === true) {
      this.space.write(offset, 4, value);
    }
  }
}

function typeBits(bar: FakeBar): number {
  return (bar.io === true ? 1 : 0) | (bar.wide === true ? 4 : 0);
}
