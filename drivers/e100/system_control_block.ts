import type { Clock } from "../../netdev/clock.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import * as registers from "./registers.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const {
  MASK_ALL,
  MASK_CNA,
  MASK_CX,
  MASK_ER,
  MASK_FCP,
  SCB_COMMAND,
  SCB_GENERAL_POINTER,
  SCB_INTERRUPT_MASK,
  SCB_STAT_ACK,
  SCB_STATUS,
} = registers;

/** A command is accepted within microseconds, or the controller is stuck. */
const ACCEPT_TIMEOUT_MS = 10;

/** Frames and a receive unit out of buffers shall interrupt, and nothing else. */
const MASK_UNUSED = MASK_CX | MASK_CNA | MASK_ER | MASK_FCP;

/**
 * The system control block (8255x manual §6.3.2): commands to the two units of the controller, and
 * its interrupts. Each access to a register may cost as much as many packets, so none is made twice.
 */
export class SystemControlBlock {
  readonly #csr: RegisterWindow;
  readonly #clock: Clock;
  readonly #unmasked: number;
  /** The command byte was seen to be 0 since the last command. */
  #accepted = false;
  #masked = true;

  /** `causeMasks`: whether there is a mask for each cause of an interrupt. */
  constructor(csr: RegisterWindow, clock: Clock, causeMasks: boolean) {
    this.#csr = csr;
    this.#clock = clock;
    this.#unmasked = causeMasks ? MASK_UNUSED : 0;
  }

  /** Whether interrupts are masked, as far as the driver knows. */
  get masked(): boolean {
    return this.#masked;
  }

  /**
   * SCB status in bits 7:0, STAT/ACK in bits 15:8; 0xffff when the controller is gone. As any read of
   * a register it comes after all that the controller wrote to memory before (PCI 3.0 §3.2.5).
   */
  status(): number {
    const word = this.#csr.read32(SCB_STATUS);
    this.#accepted = (word & 0xff_0000) === 0;
    return word & 0xffff;
  }

  /** The causes of an interrupt, as {@link STAT_ACK_FR} and others. */
  causes(): number {
    return this.#csr.read8(SCB_STAT_ACK);
  }

  /** Clears these causes. */
  acknowledge(causes: number): void {
    if (causes !== 0) this.#csr.write8(SCB_STAT_ACK, causes);
  }

  /** Masks all interrupts. */
  mask(): void {
    this.#masked = true;
    this.#csr.write8(SCB_INTERRUPT_MASK, MASK_ALL);
  }

  /** Lets received frames and a lack of buffers interrupt. */
  unmask(): void {
    this.#masked = false;
    this.#csr.write8(SCB_INTERRUPT_MASK, this.#unmasked);
  }

  /**
   * Whether a command can be given at once, which may take a look at the register: all that was told
   * before has reached the controller then. False when it's stuck.
   */
  ready(): boolean {
    if (!this.#accepted) this.#accepted = this.#waitAccepted();
    return this.#accepted;
  }

  /** Gives a command; false when the one before isn't accepted in time: the controller is stuck then. */
  issue(command: number): boolean {
    if (!this.ready()) return false;
    this.#accepted = false;
    this.#csr.write8(SCB_COMMAND, command);
    return true;
  }

  /** As {@link issue}, with a device address, or an offset from a base that was loaded. */
  issueAt(command: number, pointer: number): boolean {
    if (!this.ready()) return false;
    this.#accepted = false;
    this.#csr.write32(SCB_GENERAL_POINTER, pointer);
    this.#csr.write8(SCB_COMMAND, command);
    return true;
  }

  /** The controller was reset: it has its interrupts unmasked then (§6.3.3.1), and no command. */
  wasReset(): void {
    this.#accepted = false;
    this.mask();
  }

  /** §6.3.2.2: no command may be written before the byte reads 0 again. */
  #waitAccepted(): boolean {
    if (this.#csr.read8(SCB_COMMAND) === 0) return true;
    const deadline = this.#clock.now() + ACCEPT_TIMEOUT_MS;
    while (this.#csr.read8(SCB_COMMAND) !== 0) {
      if (this.#clock.now() > deadline) return false;
    }
    return true;
  }
}
