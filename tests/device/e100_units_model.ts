import { CommandBlockModel } from "./command_block_model.ts";

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
 * The two units of an 8255x: one carries out commands of a list, the other receives into
 * a list of buffers. Frames go by without anything being allocated, unless they are kept.
 */
export class E100UnitsModel extends CommandBlockModel {
  /** False: the command byte stays. */
  acceptsCommands = true;
  /** False: the command unit does nothing of what it's told. */
  carriesOut = true;
  /** Blocks that it carries out in a row. */
  blocksInARow = 16;
  dumps = true;
  /** False: counters are dumped without the word behind them that says so. */
  marksDumps = true;
  /** True: at the end of the list a frame isn't stored, as a real chip has it. */
  keepsEndClean = false;
  /** True: what is received is in memory only once a register was read; its status is at once. */
  lateData = false;
  /** What it says of the next frames, in place of what is so. */
  lie: { readonly count?: number; readonly status?: number; readonly noCount?: boolean } = {};
  /** Commands for the two units, as they were written. */
  readonly commands: number[] = [];
  keepCommands = true;
  mastering = false;
  /** The system control block (§6.3): what is in its registers. */
  protected status = 0;
  protected ack = 0;
  protected command = 0;
  protected pointer = 0;
  readonly #counters = new Uint32Array(COUNTERS);
  #late: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #cu = 0;
  #ru = 0;
  #statistics = 0;

  /** Whether its receive unit has a buffer for the next frame. */
  get ready(): boolean {
    return (this.status & RU_MASK) === RU_READY;
  }

  /** Receives bytes of `frame` from the wire. Whether it had a buffer for them. */
  receive(frame: Uint8Array, from = 0, length: number = frame.length - from): boolean {
    if (!this.isForUs(frame, from)) return true;
    if (!this.ready) {
      this.ack |= RNR;
      this.#counters[RX_RESOURCE_ERRORS]++;
      return false;
    }
    const { u8, u16 } = this.region;
    const rfd = this.region.offsetOf(this.#ru, 16);
    const last = (u16[(rfd + 2) >>> 1] & EL) !== 0;
    const size = u16[(rfd + 14) >>> 1];
    if (last) {
      this.status = this.status & ~RU_MASK | RU_NO_RESOURCES;
      this.ack |= RNR;
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
    this.ack |= FR;
    return true;
  }

  /** Goes on with what the command unit was told, after it had been held up. */
  carryOn(): void {
    this.carriesOut = true;
    if ((this.status & CU_MASK) === CU_ACTIVE) this.#runCommands();
  }

  /** Nothing of what was is left. */
  protected resetUnits(): void {
    this.status = this.ack = this.command = 0;
    this.pointer = 0;
    this.#cu = this.#ru = 0;
    this.#late = [];
  }

  /** What was late is in memory now. */
  protected storeLate(): void {
    if (this.#late.length === 0) return;
    for (const { offset, bytes } of this.#late.splice(0)) this.region.u8.set(bytes, offset);
  }

  /** A command for one of them, or for both. */
  protected commanded(value: number): void {
    if (this.command !== 0) throw new Error("a command before the last one was accepted");
    if (this.keepCommands) this.commands.push(value);
    if (!this.acceptsCommands) return void (this.command = value);
    this.#commandUnit(value & 0xf0);
    this.#receiveUnit(value & 0x0f);
  }

  #receiveUnit(command: number): void {
    if (command === 1) {
      if (!this.mastering) throw new Error("receiving while it may not write to memory");
      this.#ru = this.pointer;
      this.status = this.status & ~RU_MASK | RU_READY;
    } else if (command === 6 && this.pointer !== 0) throw new Error("a base other than 0");
  }

  #commandUnit(command: number): void {
    if (command === 0x10 || command === 0x20) {
      if (command === 0x10) this.#cu = this.pointer;
      this.status = this.status & ~CU_MASK | CU_ACTIVE;
      if (this.carriesOut) this.#runCommands();
    } else if (command === 0x40) this.#statistics = this.pointer;
    else if (command === 0x50 && this.dumps) this.#dump();
    else if (command === 0x60 && this.pointer !== 0) throw new Error("a base other than 0");
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
      this.status = this.status & ~CU_MASK | ((command & EL) === 0 ? CU_SUSPENDED : CU_IDLE);
      this.ack |= CNA;
      return;
    }
  }
}
