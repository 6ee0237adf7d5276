import type { E100Bus } from "../../drivers/e100/e100_bus.ts";
import { checkAccess, type RegisterWindow } from "../../drivers/pci/register_window.ts";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { E100_MODEL_MAC } from "./command_block_model.ts";
import { E100UnitsModel } from "./e100_units_model.ts";
import { EepromModel } from "./eeprom_model.ts";
import { PhyModel } from "./phy_model.ts";

/** Registers (8255x manual §6.3). */
const STATUS = 0x00;
const STAT_ACK = 0x01;
const COMMAND = 0x02;
const MASK = 0x03;
const POINTER = 0x04;
const PORT = 0x08;
const EEPROM = 0x0e;
const MDI = 0x10;
const CSR_BYTES = 64;

const MDI_DONE = 0x08;
const MASK_ALL = 0x01;

/**
 * An Intel 8255x as QEMU's eepro100.c makes one, in memory of this process, with switches to be
 * broken by. It watches the driver: a command that is written too early, or an address outside its
 * memory, is an exception. These are its registers, as a bus has them; commands go on to its units.
 */
export class E100Model extends E100UnitsModel implements E100Bus, RegisterWindow {
  readonly name = "the model";
  revision = 0x0e;
  readonly ich = 0;
  readonly byteLength = CSR_BYTES;
  readonly dma: DmaArena;
  readonly eeprom: EepromModel;
  readonly phy = new PhyModel();
  /** Pulled out: it reads as all ones, and takes nothing. */
  gone = false;
  selfTestAnswers = true;
  selfTestResult = 0;
  /** True: what is written to it reaches it with the next read, or by {@link settle}. */
  postsWrites = false;
  /** Called when it's reset. */
  onReset: () => void = () => {};
  /** Called once, before the next register is read. */
  onRead: (() => void) | null = null;
  /** Reads and writes of registers. */
  accesses = 0;
  released = false;
  readonly #posted: (() => void)[] = [];
  #handler: (() => boolean) | null = null;
  #mask = 0;
  #mdi = 0;

  constructor(mac: readonly number[] = E100_MODEL_MAC, memoryBytes: number = 2 << 20) {
    super(memoryBytes);
    this.eeprom = new EepromModel(mac);
    this.dma = new DmaArena(this.region, 4096);
  }

  get csr(): RegisterWindow {
    return this;
  }

  /** Whether its interrupt pin is asserted: the four lower causes can't be masked one by one. */
  get asserted(): boolean {
    const causes = this.ack & (~this.#mask | 0x0f);
    return causes !== 0 && (this.#mask & MASK_ALL) === 0 && !this.gone;
  }

  /** Causes of an interrupt that were not acknowledged. */
  get pending(): number {
    return this.ack;
  }

  /** Whether the driver listens to its interrupts. */
  get listened(): boolean {
    return this.#handler !== null;
  }

  /** Has the handler called as often as the line asks for it, or once; what it said last. */
  interrupt(): boolean {
    return this.#handler?.() === true;
  }

  /** All that was written reaches it now. */
  settle(): void {
    for (const write of this.#posted.splice(0)) write();
  }

  present(): boolean {
    return !this.gone;
  }

  master(on: boolean): void {
    this.mastering = on;
  }

  interruptConnect(handler: () => boolean): void {
    this.#handler = handler;
  }

  interruptDisconnect(): void {
    this.#handler = null;
  }

  release(): void {
    this.released = true;
  }

  read8(offset: number): number {
    this.#read(offset, 1);
    if (this.gone) return 0xff;
    if (offset === STATUS) return this.status;
    if (offset === STAT_ACK) return this.ack;
    if (offset === COMMAND) return this.command;
    return offset === MASK ? this.#mask : 0;
  }

  read16(offset: number): number {
    this.#read(offset, 2);
    if (this.gone) return 0xffff;
    if (offset === EEPROM) return this.eeprom.read();
    return offset === STATUS ? this.status | this.ack << 8 : 0;
  }

  read32(offset: number): number {
    this.#read(offset, 4);
    if (this.gone) return 0xffff_ffff;
    if (offset === MDI) return this.#mdi;
    if (offset !== STATUS) return 0;
    return (this.status | this.ack << 8 | this.command << 16) + this.#mask * 0x100_0000;
  }

  write8(offset: number, value: number): void {
    this.#access(offset, 1);
    if (this.postsWrites) this.#posted.push(() => this.#write8(offset, value));
    else this.#write8(offset, value);
  }

  #write8(offset: number, value: number): void {
    if (this.gone) return;
    if (offset === STAT_ACK) this.ack &= ~value;
    else if (offset === MASK) this.#mask = value;
    else if (offset === COMMAND) this.commanded(value);
  }

  write16(offset: number, value: number): void {
    this.#access(offset, 2);
    if (offset === EEPROM && !this.gone) this.eeprom.write(value);
  }

  write32(offset: number, value: number): void {
    this.#access(offset, 4);
    if (value < 0 || value > 0xffff_ffff) throw new Error(`${value} written as 32 bits`);
    if (this.postsWrites) this.#posted.push(() => this.#write32(offset, value));
    else this.#write32(offset, value);
  }

  #write32(offset: number, value: number): void {
    if (this.gone) return;
    if (offset === POINTER) this.pointer = value;
    else if (offset === PORT) this.#ported(value);
    else if (offset === MDI) {
      this.#mdi = this.phy.transfer(value);
      this.ack |= MDI_DONE;
    }
  }

  #access(offset: number, width: number): void {
    checkAccess(offset, width, this.byteLength);
    if (this.released) throw new Error("a register is touched that was given back");
    this.accesses++;
  }

  #read(offset: number, width: number): void {
    this.#access(offset, width);
    if (this.#posted.length > 0) this.settle();
    const { onRead } = this;
    this.onRead = null;
    onRead?.();
    this.storeLate();
  }

  #ported(value: number): void {
    const function_ = value & 0xf;
    if (function_ === 1) return this.#testSelf((value & ~0xf) >>> 0);
    // A reset: interrupts aren't masked, either.
    this.resetUnits();
    this.#mask = 0;
    this.onReset();
  }

  #testSelf(address: number): void {
    if (!this.mastering) throw new Error("a self-test while it may not write to memory");
    if (!this.selfTestAnswers) return;
    const offset = this.region.offsetOf(address, 16);
    this.region.u32[offset >>> 2] = 0xffff_ffff;
    this.region.u32[(offset + 4) >>> 2] = this.selfTestResult;
  }
}
