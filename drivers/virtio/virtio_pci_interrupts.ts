import type { PciDevice } from "../pci/pci_device.ts";
import type { IrqLine } from "../pci/pci_host.ts";
import { ConfigChange } from "./config_change.ts";
import { VirtioError } from "./virtio_error.ts";
import type { InterruptMode, VirtioVector } from "./virtio_transport.ts";

/** What a queue without an interrupt has for a vector (virtio 1.2 §4.1.4.3). */
const VIRTIO_MSI_NO_VECTOR = 0xffff;

/** ISR status (§4.1.4.5): which of the two has interrupted. */
const ISR_QUEUE = 1;
const ISR_CONFIG = 2;

/** The ladder, best first: that of Linux's vp_find_vqs. */
export const PCI_INTERRUPT_MODES: readonly InterruptMode[] = [
  "msi-x per queue",
  "msi-x shared",
  "intx",
  "polling",
];

/** The registers by which a virtio device on PCI is told how to interrupt, and asked whether it has. */
export interface InterruptRegisters {
  /** Assigns a vector to changes of configuration, and reads it back. Only while MSI-X is on. */
  configVector(vector: number): number;
  /** The same for a queue. */
  queueVector(queue: number, vector: number): number;
  /**
   * Gives what reads ISR status, which is cleared by that, and with it the pin. Called where the pin
   * is to be used; an exception when there's no such register.
   */
  findIsr(): () => number;
}

/** Called for an interrupt of a queue; null: never. */
type QueueHandler = (() => void) | null;

/**
 * The interrupts of a virtio device on PCI (§4.1.5.1.2, §4.1.5.3, §4.1.5.4): goes down the ladder from
 * one mode to the next until bus and device are capable of it.
 */
export class VirtioPciInterrupts {
  readonly #name: string;
  readonly #device: PciDevice;
  readonly #registers: InterruptRegisters;
  readonly #modes: readonly InterruptMode[];
  readonly #config = new ConfigChange();
  #mode: InterruptMode;
  /** Those of the bus are few, so they're kept over resets of the device, until {@link release}. */
  #lines: readonly IrqLine[] = [];
  #vectors: readonly VirtioVector[] = [];

  /** Tries these modes, in order. */
  constructor(
    name: string,
    device: PciDevice,
    registers: InterruptRegisters,
    modes: readonly InterruptMode[] = PCI_INTERRUPT_MODES,
  ) {
    this.#name = name;
    this.#device = device;
    this.#registers = registers;
    this.#modes = modes;
    this.#mode = modes[0];
  }

  /** The mode that was found, or the first to be tried. */
  get mode(): InterruptMode {
    return this.#mode;
  }

  get vectors(): readonly VirtioVector[] {
    return this.#vectors;
  }

  /** Whether the device has MSI-X on, which moves some registers of a legacy one. */
  get msixEnabled(): boolean {
    return this.#lines.length > 0 && this.#mode !== "intx";
  }

  /**
   * As `VirtioTransport.interruptsConnect`. Begins with the mode that was found the last time. What
   * a mode fails with is the reason for the next one; `VirtioError` when there's none left.
   */
  connect(onConfig: () => void, onQueue: readonly QueueHandler[]): void {
    this.#config.connect(onConfig);
    const first = this.#vectors.length === 0 ? 0 : this.#modes.indexOf(this.#mode);
    const reasons: string[] = [];
    for (const mode of this.#modes.slice(first)) {
      try {
        this.#enter(mode, onQueue);
        return;
      } catch (error) {
        this.release();
        reasons.push(`${mode}: ${error instanceof Error ? error.message : error}`);
      }
    }
    throw new VirtioError(`${this.#name} can't interrupt: ${reasons.join("; ")}`);
  }

  /**
   * Gives a queue that was reset alone its vector back, which it has lost by that (§4.1.5.1.2).
   * `VirtioError` when the device doesn't take it.
   */
  reassign(queue: number): void {
    if (!this.msixEnabled) return;
    const vector = this.#vectors.findIndex(({ queues }) => queues.includes(queue));
    this.#assignQueue(queue, vector < 0 ? VIRTIO_MSI_NO_VECTOR : vector);
  }

  /** Calls no handler any more. */
  disconnect(): void {
    this.#config.connect(null);
    for (const line of this.#lines) line.disconnect();
  }

  /** Gives the lines back. */
  release(): void {
    const { host } = this.#device;
    const lines = this.#lines;
    this.#lines = [];
    this.#vectors = [];
    if (lines.length === 0) return;
    if (this.#mode === "intx") host.disableIntx(this.#device, lines[0]);
    else host.disableMsix(this.#device, lines);
  }

  #enter(mode: InterruptMode, onQueue: readonly QueueHandler[]): void {
    switch (mode) {
      case "msi-x per queue":
        return this.#vectorPerQueue(onQueue);
      case "msi-x shared":
        return this.#sharedVector(onQueue);
      case "intx":
        return this.#pin(onQueue);
      case "polling":
        this.#mode = mode;
        return;
      case "wire":
        throw new VirtioError("a PCI function has no wire but its pin");
    }
  }

  /** Also queues that never interrupt have one each, as nothing is lost by that. */
  #vectorPerQueue(onQueue: readonly QueueHandler[]): void {
    this.#takeVectors("msi-x per queue", 1 + onQueue.length);
    this.#assign("configuration changes", 0, (vector) => this.#registers.configVector(vector));
    onQueue.forEach((_, queue) => this.#assignQueue(queue, 1 + queue));
    this.#vectors = this.#lines.map((_, vector) => ({
      name: `msi-x ${vector}`,
      config: vector === 0,
      queues: vector === 0 ? [] : [vector - 1],
    }));
    this.#lines[0].connect(() => this.#config.note());
    onQueue.forEach((handler, queue) => {
      if (handler !== null) this.#lines[1 + queue].connect(handler);
    });
  }

  #sharedVector(onQueue: readonly QueueHandler[]): void {
    this.#takeVectors("msi-x shared", 2);
    this.#assign("configuration changes", 0, (vector) => this.#registers.configVector(vector));
    onQueue.forEach((handler, queue) => {
      this.#assignQueue(queue, handler === null ? VIRTIO_MSI_NO_VECTOR : 1);
    });
    this.#vectors = [
      { name: "msi-x 0", config: true, queues: [] },
      { name: "msi-x 1", config: false, queues: handled(onQueue) },
    ];
    this.#lines[0].connect(() => this.#config.note());
    this.#lines[1].connect(() => callAll(onQueue));
  }

  #pin(onQueue: readonly QueueHandler[]): void {
    const readIsr = this.#registers.findIsr();
    if (this.#mode !== "intx" || this.#lines.length === 0) {
      this.release();
      this.#lines = [this.#device.host.enableIntx(this.#device)];
      this.#mode = "intx";
    }
    this.#vectors = [{ name: "intx", config: true, queues: handled(onQueue) }];
    this.#lines[0].connect(() => {
      // Read once: the register is clear then, and the line low.
      const isr = readIsr();
      if ((isr & ISR_CONFIG) !== 0) this.#config.note();
      if ((isr & ISR_QUEUE) !== 0) callAll(onQueue);
      return isr !== 0;
    });
  }

  /** Has so many lines, those of the last time if they are as many. */
  #takeVectors(mode: InterruptMode, count: number): void {
    if (this.#mode === mode && this.#lines.length === count) return;
    this.release();
    this.#lines = this.#device.host.enableMsix(this.#device, count);
    this.#mode = mode;
  }

  #assignQueue(queue: number, vector: number): void {
    this.#assign(`queue ${queue}`, vector, () => this.#registers.queueVector(queue, vector));
  }

  /** A device that is short of resources answers with VIRTIO_MSI_NO_VECTOR (§4.1.5.1.2). */
  #assign(what: string, vector: number, write: (vector: number) => number): void {
    if (write(vector) === vector) return;
    throw new VirtioError(`${this.#name} does not take MSI-X vector ${vector} for ${what}`);
  }
}

function callAll(handlers: readonly QueueHandler[]): void {
  for (let i = 0; i < handlers.length; i++) handlers[i]?.();
}

/** The queues that have a handler. */
function handled(handlers: readonly QueueHandler[]): number[] {
  return [...handlers.keys()].filter((queue) => handlers[queue] !== null);
}
