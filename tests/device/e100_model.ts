import type { E100Bus } from "../../drivers/e100/e100_bus.ts";
import { checkAccess, type RegisterWindow } from "../../drivers/pci/register_window.ts";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { CommandBlockModel, E100_MODEL_MAC } from "./command_block_model.ts";
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

const CU_IDLE = 0x00;
const CU_SUSPENDED = 0x40;
const CU_ACTIVE = 0x80;
const CU_MASK = 0xc0;
const RU_NO_RESOURCES = 0x08;
const RU_READY = 0x10;
const RU_MASK = 0x3c;

const FR = 0x40;
const CNA = 0x20;
const RNR = 0x10;
const MDI_DONE = 0x08;
const MASK_ALL = 0x01;

const DONE = 0x8000;
const OK = 0x2000;
const EL = 0x8000;
const S = 0x4000;

/** Counters in a dump: good frames sent and received, and those without a buffer. */
const COUNTERS = 16;
const TX_GOOD = 0;
const RX_GOOD = 9;
const RX_RESOURCE_ERRORS = 12;
const DUMPED = 0xa005;

/**
 * An Intel 8255x as QEMU's eepro100.c makes one, in memory of this process, with switches to be
 * broken by. It watches the driver: a command that is written too early, or an address outside its
 * memory, is an exception. Frames go by without anything being allocated, unless they are kept.
 */
export class E100Model extends CommandBlockModel implements E100Bus, RegisterWindow {
  readonly name = "the model";
  revision = 0x0e;
  readonly ich = 0;
  readonly byteLength = CSR_BYTES;
  readonly dma: DmaArena;
  readonly eeprom: EepromModel;
  readonly phy = new PhyModel();
  /** Pulled out: it reads as all ones, and takes nothing. */
  gone = false;
  /** False: the command byte stays. */
  acceptsCommands = true;
  /** False: the command unit does nothing of what it's told. */
  carriesOut = true;
  /** Blocks that it carries out in a row. */
  blocksInARow = 16;
  selfTestAnswers = true;
  selfTestResult = 0;
  dumps = true;
  /** False: counters are dumped without the word behind them that says so. */
  marksDumps = true;
  /** True: at the end of the list a frame isn't stored, as a real chip has it. */
  keepsEndClean = false;
  /** True: what is received is in memory only once a register was read; its status is at once. */
  lateData = false;
  /** True: what is written to it reaches it with the next read, or by {@link settle}. */
  postsWrites = false;
  /** What it says of the next frames, in place of what is so. */
  lie: { readonly count?: number; readonly status?: number; readonly noCount?: boolean } = {};
  /** Called when it's reset. */
  onReset: () => void = () => {};
  /** Called once, before the next register is read. */
  onRead: (() => void) | null = null;
  /** Reads and writes of registers. */
  accesses = 0;
  /** Commands for the two units, as they were written. */
  readonly commands: number[] = [];
  keepCommands = true;
  mastering = false;
  released = false;
  readonly #counters = new Uint32Array(COUNTERS);
  readonly #posted: (() => void)[] = [];
  #late: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #handler: (() => boolean) | null = null;
  #status = 0;
  #ack = 0;
  #command = 0;
  #mask = 0;
  #pointer = 0;
  #mdi = 0;
  #cu = 0;
  #ru = 0;
  #statistics = 0;

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
    const causes = this.#ack & (~this.#mask | 0x0f);
    return causes !== 0 && (this.#mask & MASK_ALL) === 0 && !this.gone;
  }

  /** Causes of an interrupt that were not acknowledged. */
  get pending(): number {
    return this.#ack;
  }

  /** Whether the driver listens to its interrupts. */
  get listened(): boolean {
    return this.#handler !== null;
  }

  /** Whether its receive unit has a buffer for the next frame. */
  get ready(): boolean {
    return (this.#status & RU_MASK) === RU_READY;
  }

  /** Has the handler called as often as the line asks for it, or once; what it said last. */
  interrupt(): boolean {
    return this.#handler?.() === true;
  }

  /** Receives bytes of `frame` from the wire. Whether it had a buffer for them. */
  receive(frame: Uint8Array, from = 0, length: number = frame.length - from): boolean {
    if (!this.isForUs(frame, from)) return true;
    if (!this.ready) {
      this.#ack |= RNR;
      this.#counters[RX_RESOURCE_ERRORS]++;
      return false;
    }
    const { u8, u16 } = this.region;
    const rfd = this.region.offsetOf(this.#ru, 16);
    const last = (u16[(rfd + 2) >>> 1] & EL) !== 0;
    const size = u16[(rfd + 14) >>> 1];
    if (last) {
      this.#status = this.#status & ~RU_MASK | RU_NO_RESOURCES;
      this.#ack |= RNR;
    }
    if (last && this.keepsEndClean) {
      this.#counters[RX_RESOURCE_ERRORS]++;
      return false;
    }
    const stored = length < size ? length : size;
    this.region.offsetOf(this.#ru, 16 + stored);
    u16[rfd >>> 1] = this.lie.status ?? DONE | OK;
    if (this.lie.noCount !== true) u16[(rfd + 12) >>> 1] = this.lie.count ?? stored;
    if (this.lateData) {
      this.#late.push({ offset: rfd + 16, bytes: frame.slice(from, from + stored) });
    } else for (let i = 0; i < stored; i++) u8[rfd + 16 + i] = frame[from + i];
    this.#ru = u16[(rfd + 4) >>> 1] + u16[(rfd + 6) >>> 1] * 0x1_0000;
    this.#counters[RX_GOOD]++;
    this.#ack |= FR;
    return true;
  }

  /** Goes on with what the command unit was told, after it had been held up. */
  carryOn(): void {
    this.carriesOut = true;
    if ((this.#status & CU_MASK) === CU_ACTIVE) this.#runCommands();
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
    if (offset === STATUS) return this.#status;
    if (offset === STAT_ACK) return this.#ack;
    if (offset === COMMAND) return this.#command;
    return offset === MASK ? this.#mask : 0;
  }

  read16(offset: number): number {
    this.#read(offset, 2);
    if (this.gone) return 0xffff;
    if (offset === EEPROM) return this.eeprom.read();
    return offset === STATUS ? this.#status | this.#ack << 8 : 0;
  }

  read32(offset: number): number {
    this.#read(offset, 4);
    if (this.gone) return 0xffff_ffff;
    if (offset === MDI) return this.#mdi;
    if (offset !== STATUS) return 0;
    return (this.#status | this.#ack << 8 | this.#command << 16) + this.#mask * 0x100_0000;
  }

  write8(offset: number, value: number): void {
    this.#access(offset, 1);
    if (this.postsWrites) this.#posted.push(() => this.#write8(offset, value));
    else this.#write8(offset, value);
  }

  #write8(offset: number, value: number): void {
    if (this.gone) return;
    if (offset === STAT_ACK) this.#ack &= ~value;
    else if (offset === MASK) this.#mask = value;
    else if (offset === COMMAND) this.#commanded(value);
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
    if (offset === POINTER) this.#pointer = value;
    else if (offset === PORT) this.#ported(value);
    else if (offset === MDI) {
      this.#mdi = this.phy.transfer(value);
      this.#ack |= MDI_DONE;
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
    if (this.#late.length === 0) return;
    for (const { offset, bytes } of this.#late.splice(0)) this.region.u8.set(bytes, offset);
  }

  #ported(value: number): void {
    const function_ = value & 0xf;
    if (function_ === 1) return this.#testSelf((value & ~0xf) >>> 0);
    // A reset: nothing of what was is left, and interrupts aren't masked.
    this.#status = this.#ack = this.#command = 0;
    this.#mask = this.#pointer = 0;
    this.#cu = this.#ru = 0;
    this.#late = [];
    this.onReset();
  }

  #testSelf(address: number): void {
    if (!this.mastering) throw new Error("a self-test while it may not write to memory");
    if (!this.selfTestAnswers) return;
    const offset = this.region.offsetOf(address, 16);
    this.region.u32[offset >>> 2] = 0xffff_ffff;
    this.region.u32[(offset + 4) >>> 2] = this.selfTestResult;
  }

  #commanded(value: number): void {
    if (this.#command !== 0) throw new Error("a command before the last one was accepted");
    if (this.keepCommands) this.commands.push(value);
    if (!this.acceptsCommands) return void (this.#command = value);
    this.#commandUnit(value & 0xf0);
    this.#receiveUnit(value & 0x0f);
  }

  #receiveUnit(command: number): void {
    if (command === 1) {
      if (!this.mastering) throw new Error("receiving while it may not write to memory");
      this.#ru = this.#pointer;
      this.#status = this.#status & ~RU_MASK | RU_READY;
    } else if (command === 6 && this.#pointer !== 0) throw new Error("a base other than 0");
  }

  #commandUnit(command: number): void {
    if (command === 0x10 || command === 0x20) {
      if (command === 0x10) this.#cu = this.#pointer;
      this.#status = this.#status & ~CU_MASK | CU_ACTIVE;
      if (this.carriesOut) this.#runCommands();
    } else if (command === 0x40) this.#statistics = this.#pointer;
    else if (command === 0x50 && this.dumps) this.#dump();
    else if (command === 0x60 && this.#pointer !== 0) throw new Error("a base other than 0");
  }

  #dump(): void {
    const offset = this.region.offsetOf(this.#statistics, 4 * COUNTERS + 4) >>> 2;
    this.#counters[TX_GOOD] = this.sentCount;
    for (let i = 0; i < COUNTERS; i++) this.region.u32[offset + i] = this.#counters[i];
    if (this.marksDumps) this.region.u32[offset + COUNTERS] = DUMPED;
  }

  #runCommands(): void {
    const { u16, u32 } = this.region;
    for (let left = this.blocksInARow; left > 0; left--) {
      const block = this.region.offsetOf(this.#cu, 16);
      const command = u16[(block + 2) >>> 1];
      this.carryOut(command & 7, block);
      u16[block >>> 1] = DONE | OK;
      this.#cu = u32[(block + 4) >>> 2];
      if ((command & (S | EL)) === 0) continue;
      this.#status = this.#status & ~CU_MASK | ((command & EL) === 0 ? CU_SUSPENDED : CU_IDLE);
      this.#ack |= CNA;
      return;
    }
  }
}
