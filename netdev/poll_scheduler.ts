/** Packets that one queue may handle before the next one has its turn (Linux: NAPI_POLL_WEIGHT). */
export const POLL_WEIGHT = 64;

/** Packets that one round may handle, over all queues (Linux: net.core.netdev_budget). */
export const POLL_BUDGET = 300;

/** A queue that is polled while there's work and interrupts when there's some again. */
export interface PolledQueue {
  /** Handles up to `weight` packets and says how many. `now`: whole milliseconds. */
  poll(weight: number, now: number): number;
  /** Arms the interrupt; false when packets wait already, so that it has to be polled again. */
  arm(): boolean;
  /** Masks the interrupt. */
  disarm(): void;
}

/**
 * Whose turn it is, as Linux's NAPI has it: an interrupt schedules its queue and masks it; scheduled
 * queues are polled round robin; when none has work, all are armed, and one that turns out to have
 * some after all stays scheduled.
 *
 * Here a queue without work stays in the round until all are without: to poll it costs one look at
 * an index, to arm it and be interrupted costs a sleep.
 */
export class PollScheduler {
  /** In order of their turns. */
  readonly #queues: PolledQueue[] = [];
  readonly #scheduled = new Set<PolledQueue>();

  /** Polls of a queue so far. */
  polls = 0;
  /** Rounds of polls so far. */
  rounds = 0;

  /** Puts a queue at the end of the list and masks its interrupt; no-op when it's on the list. */
  schedule(queue: PolledQueue): void {
    if (this.#scheduled.has(queue)) return;
    this.#scheduled.add(queue);
    this.#queues.push(queue);
    queue.disarm();
  }

  /** Whether no queue is scheduled. */
  get idle(): boolean {
    return this.#queues.length === 0;
  }

  /**
   * Gives each scheduled queue a turn, as long as the budget lasts; the next round begins where this
   * one ended. Returns the packets handled.
   */
  round(now: number): number {
    this.rounds++;
    let budget = POLL_BUDGET;
    for (let turns = this.#queues.length; turns > 0 && budget > 0; turns--) {
      budget -= this.#queues[0].poll(Math.min(POLL_WEIGHT, budget), now);
      this.polls++;
      this.#rotate();
    }
    return POLL_BUDGET - budget;
  }

  /** Arms every scheduled queue; those that can't be stay scheduled. Whether all are armed. */
  arm(): boolean {
    for (let turns = this.#queues.length; turns > 0; turns--) {
      const queue = this.#queues[0];
      if (queue.arm()) {
        this.#queues.shift();
        this.#scheduled.delete(queue);
      } else {
        this.#rotate();
      }
    }
    return this.idle;
  }

  /** The first queue goes to the end of the list. Few queues, so moving them all is quick. */
  #rotate(): void {
    const queues = this.#queues;
    const last = queues.length - 1;
    if (last <= 0) return;
    const first = queues[0];
    for (let i = 0; i < last; i++) queues[i] = queues[i + 1];
    queues[last] = first;
  }
}
