import type { FakePciHost } from "./fake_pci_host.ts";
import type { VirtioModel } from "./virtio_model.ts";

const NO_VECTOR = 0xffff;

/** How a virtio function on PCI interrupts for a model: by vectors (virtio 1.2 §4.1.5.1.2), or the pin. */
export class VirtioPciInterruptsModel {
  readonly #host: FakePciHost;
  readonly #model: VirtioModel;
  readonly #queueVectors: number[];
  #configVector = NO_VECTOR;
  #isr = 0;

  constructor(host: FakePciHost, model: VirtioModel) {
    this.#host = host;
    this.#model = model;
    this.#queueVectors = new Array<number>(model.queueCount).fill(NO_VECTOR);
  }

  /** The vector of configuration changes. */
  get configVector(): number {
    return this.#configVector;
  }

  /** A mapping that fails reads back as NO_VECTOR (§4.1.5.1.2.1), as for queues. */
  set configVector(vector: number) {
    this.#configVector = this.#take(vector);
  }

  /** The vector of a queue. */
  queueVector(queue: number): number {
    const vector = this.#queueVectors[queue];
    if (vector === undefined) throw new Error(`there is no queue ${queue} to have a vector`);
    return vector;
  }

  /** Gives a queue one. */
  setQueueVector(queue: number, vector: number): void {
    this.queueVector(queue);
    this.#queueVectors[queue] = this.#take(vector);
  }

  /** Takes it away, as a reset of the queue does. */
  clearQueueVector(queue: number): void {
    this.#queueVectors[queue] = NO_VECTOR;
  }

  /** Takes all of them away, as a reset does (§4.1.4.3.1). */
  clear(): void {
    this.#configVector = NO_VECTOR;
    this.#queueVectors.fill(NO_VECTOR);
  }

  /** Interrupts on the pin (§4.1.4.5): whether the driver says that it was this device. */
  pin(isr: number): boolean {
    this.#isr |= isr;
    return [...this.#host.intx.values()].some((line) => line.fire());
  }

  /** Reads ISR status, which clears it. */
  takeIsr(): number {
    const isr = this.#isr;
    this.#isr = 0;
    return isr;
  }

  #take(vector: number): number {
    const { script } = this.#model;
    const possible = script.takesVector?.(vector) ?? vector < this.#host.lines.length;
    if (!possible) return NO_VECTOR;
    this.#model.interruptsConnect(
      () => this.#fire(this.#configVector),
      this.#queueVectors.map((_, queue) => () => this.#fire(this.#queueVectors[queue])),
    );
    return vector;
  }

  #fire(vector: number): void {
    if (vector !== NO_VECTOR) this.#host.lines[vector]?.fire();
  }
}
