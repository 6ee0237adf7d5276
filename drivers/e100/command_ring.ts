import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import { CUC_RESUME as RESUME, CUC_START as START } from "./registers.ts";
import type { SystemControlBlock } from "./system_control_block.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const CUC_START = START;
const CUC_RESUME = RESUME;

/** A command block (8255x manual §6.4.2): offsets in it. */
export const CB_STATUS = 0; // 16
export const CB_COMMAND = 2; // 16
export const CB_LINK = 4; // 32
/** Where what belongs to the command begins. */
export const CB_DATA = 8;

/** The controller has carried the command out. */
export const CB_STATUS_C = 0x8000;

/** The controller suspends its command unit when it has carried the command out. */
export const CB_COMMAND_S = 0x4000;

/** Bytes from one block to the next: what a transmit command takes, and a power of two. */
export const CB_BYTES = 128;

/** What QEMU carries out at one command (hw/net/eepro100.c, `action_command`). */
const BLOCKS_IN_A_ROW = 16;

/** Nothing is aligned more than to what a cache line is. */
const CB_ALIGN = 64;

/**
 * The blocks for the command unit: a ring, each linked to the next one for good. The newest block has
 * the S bit, at which the unit suspends; to go on, the driver adds blocks behind it, clears that bit,
 * and resumes the unit (§6.3.2.2.1). One block more than there may be commands lies between the newest
 * and the oldest, so that the one the unit is suspended at is never written over.
 *
 * A command comes with a token, which is given back when it has been carried out.
 */
export class CommandRing<T> {
  /** Commands that may be under way. */
  readonly size: number;
  readonly region: DmaRegion;
  /** Times the unit was started or resumed. */
  kicks = 0;
  /** Commands carried out so far. */
  completed = 0;
  /** The controller didn't take a command: it's stuck. */
  broken = false;

  readonly #dma: DmaArena;
  readonly #offset: number;
  readonly #blocks: number;
  readonly #tokens: (T | null)[];
  /** The block to be written next, and the oldest whose token wasn't given back. */
  #tail = 0;
  #head = 0;
  /** Blocks whose token wasn't given back; of these the first so many are carried out. */
  #used = 0;
  #done = 0;
  /** Blocks written that the controller can't reach yet. */
  #staged = 0;
  #scb: SystemControlBlock | null = null;
  /** The unit was started since the controller was reset. */
  #started = false;

  /** A ring for `size` commands. `NetdevError("ENOSPC")` when there's no memory for it. */
  constructor(dma: DmaArena, size: number) {
    this.size = size;
    this.region = dma.region;
    this.#dma = dma;
    this.#blocks = size + 1;
    this.#offset = dma.alloc(CB_BYTES * this.#blocks, CB_ALIGN);
    this.#tokens = new Array<T | null>(this.#blocks).fill(null);
    this.reset();
  }

  /** Blocks whose token wasn't given back. */
  get used(): number {
    return this.#used;
  }

  /** Blocks that can be staged now. */
  get free(): number {
    return this.size - this.#used;
  }

  /** Commands that the controller has been given and has not carried out, as of the last {@link scan}. */
  get pending(): number {
    return this.#used - this.#staged - this.#done;
  }

  /** The offset of the block to be staged next: what belongs to the command goes to {@link CB_DATA}. */
  next(): number {
    return this.#offset + CB_BYTES * this.#tail;
  }

  /** Adds the block at {@link next}, whose data is written. There must be a free one. */
  stage(command: number, token: T | null): void {
    const tail = this.#tail;
    const { u16 } = this.region;
    const block16 = (this.#offset + CB_BYTES * tail) >>> 1;
    u16[block16 + CB_STATUS / 2] = 0;
    u16[block16 + CB_COMMAND / 2] = command;
    this.#tokens[tail] = token;
    this.#tail = tail + 1 === this.#blocks ? 0 : tail + 1;
    this.#used++;
    this.#staged++;
  }

  /**
   * Lets the controller at what was staged, and sets its command unit going. Not before the last
   * command was accepted: a write may be on its way for long, and a unit that gets to the new blocks
   * by an old resume would run past them by the new one.
   */
  publish(): void {
    if (this.#staged === 0 || this.broken || this.#scb === null) return;
    if (!this.#scb.ready()) {
      this.broken = true;
      return;
    }
    const { u16 } = this.region;
    const first = this.#before(this.#tail, this.#staged);
    const command16 = CB_COMMAND / 2;
    const newest16 = this.#block16(this.#before(this.#tail, 1)) + command16;
    Atomics.store(u16, newest16, u16[newest16] | CB_COMMAND_S);
    const old16 = this.#block16(this.#before(first, 1)) + command16;
    Atomics.store(u16, old16, u16[old16] & ~CB_COMMAND_S);
    this.#staged = 0;
    this.#kick(this.#scb, first);
  }

  /** Counts what has been carried out; says how many tokens {@link take} has to give back. */
  scan(): number {
    const { u16 } = this.region;
    const given = this.#used - this.#staged;
    let done = this.#done;
    while (done < given) {
      const index = this.#head + done;
      const block = index >= this.#blocks ? index - this.#blocks : index;
      if ((u16[this.#block16(block) + CB_STATUS / 2] & CB_STATUS_C) === 0) break;
      done++;
    }
    this.completed += done - this.#done;
    this.#done = done;
    return done;
  }

  /** The token of the oldest command. After a {@link scan} that found one carried out. */
  take(): T | null {
    const head = this.#head;
    const token = this.#tokens[head];
    this.#tokens[head] = null;
    this.#head = head + 1 === this.#blocks ? 0 : head + 1;
    this.#used--;
    if (this.#done > 0) this.#done--;
    return token;
  }

  /** The token of any command, from a controller that was reset; null when there is none left. */
  takeBack(): T | null {
    while (this.#used > 0) {
      const token = this.take();
      if (token !== null) return token;
    }
    return null;
  }

  /** Makes the ring empty and ready for a controller that was reset. All tokens must be taken back. */
  reset(): void {
    const { u16, u32 } = this.region;
    u32.fill(0, this.#offset >>> 2, (this.#offset + CB_BYTES * this.#blocks) >>> 2);
    for (let block = 0; block < this.#blocks; block++) {
      const next = block + 1 === this.#blocks ? 0 : block + 1;
      u32[(this.#offset + CB_BYTES * block + CB_LINK) >>> 2] = this.#address(next);
      // Whatever it is that looks at a block that isn't used: it's done, and to be stopped at.
      u16[this.#block16(block) + CB_COMMAND / 2] = CB_COMMAND_S;
    }
    this.#tail =
      this.#head =
      this.#used =
      this.#done =
      this.#staged =
        0;
    this.#started = false;
    this.broken = false;
    this.#scb = null;
  }

  /** The controller that was reset is this one's from here on. */
  start(scb: SystemControlBlock): void {
    this.#scb = scb;
  }

  /** Gives the memory back. */
  release(): void {
    this.#dma.free(this.#offset);
  }

  /**
   * Starts the unit, or resumes it. QEMU carries out no more than 16 blocks in a row and then says that
   * it's at work; so a longer list is looked after: while it gets on, it's resumed again.
   */
  #kick(scb: SystemControlBlock, first: number): void {
    this.scan();
    for (;;) {
      const before = this.pending;
      const taken = this.#started
        ? scb.issue(CUC_RESUME)
        : scb.issueAt(CUC_START, this.#address(first));
      if (!taken) {
        this.broken = true;
        return;
      }
      this.#started = true;
      this.kicks++;
      if (before <= BLOCKS_IN_A_ROW) return;
      // The command is under way once a register was read, and what QEMU does of it is done.
      scb.status();
      this.scan();
      if (this.pending === before) return;
    }
  }

  #before(block: number, count: number): number {
    const before = block - count;
    return before < 0 ? before + this.#blocks : before;
  }

  #block16(block: number): number {
    return (this.#offset + CB_BYTES * block) >>> 1;
  }

  #address(block: number): number {
    return this.region.deviceAddress(this.#offset + CB_BYTES * block);
  }
}
