import type { VirtioNetTx } from "./virtio_net_tx.ts";

/** How long a transmit queue may hold frames and give none back: Linux's `watchdog_timeo`. */
export const TX_TIMEOUT_MS = 5000;

/** What counts at most of the time between two looks: the process, and the device, may have slept. */
const LONGEST_STEP_MS = 2500;

/**
 * Watches whether a transmit queue still sends: of one that holds frames and gives none back the
 * netbufs would never be seen again, and it has to be reset. It's looked at now and then; frames that
 * wait to be taken back are no reason to call it stuck.
 */
export class TransmitWatch {
  readonly #tx: VirtioNetTx;
  /** Whether it held frames at the last look, and how many had come back by then. */
  #wasBusy = false;
  #completed = 0;
  /** When the last look was, and for how long it has been seen to stand still by then. */
  #lookedAt = 0;
  #stillFor = 0;
  /** How many had come back when it was last reset by itself; -1 when it wasn't since a start. */
  #completedAtReset = -1;

  /** For a queue that holds nothing. */
  constructor(tx: VirtioNetTx) {
    this.#tx = tx;
  }

  /** Whether it has given nothing back for {@link TX_TIMEOUT_MS}, though it held frames all the while. */
  isStuck(now: number): boolean {
    const tx = this.#tx;
    tx.reclaim();
    const isBusy = tx.ring.used > 0;
    const stoodStill = this.#wasBusy && isBusy && tx.completed === this.#completed;
    this.#wasBusy = isBusy;
    this.#completed = tx.completed;
    const step = Math.min(now - this.#lookedAt, LONGEST_STEP_MS);
    this.#stillFor = stoodStill ? this.#stillFor + step : 0;
    this.#lookedAt = now;
    return this.#stillFor >= TX_TIMEOUT_MS;
  }

  /** Whether nothing has come back since it was reset: to reset it again would be in vain. */
  get resetInVain(): boolean {
    return this.#tx.completed === this.#completedAtReset;
  }

  /** It's not to be blamed for standing still until now. */
  pardon(): void {
    this.#wasBusy = false;
  }

  /** It was reset alone, and holds nothing. */
  queueReset(): void {
    this.pardon();
    this.#completedAtReset = this.#tx.completed;
  }

  /** The whole device was reset. */
  deviceReset(): void {
    this.pardon();
    this.#completedAtReset = -1;
  }
}
