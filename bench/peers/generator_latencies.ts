import type { MonotonicClock } from "./generator_clock.ts";

/** What the replies of a run took, in microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The time that each reply took, from a table of when its request was sent. */
export class Latencies {
  readonly #clock: MonotonicClock;
  /** In an array of its own: a field that is no small integer is a new object at each change. */
  readonly #now = new Float64Array(1);
  #count = 0;
  readonly #sent: Float64Array;
  readonly #taken: Uint32Array;

  /** `slots`: as many as may be on their way. `capacity`: replies that are remembered. */
  constructor(clock: MonotonicClock, slots: number, capacity: number) {
    this.#clock = clock;
    this.#sent = new Float64Array(slots);
    this.#taken = new Uint32Array(capacity);
  }

  /**
   * Reads the clock, for a burst that is sent or taken next. The number stays here: passed from call
   * to call in a branch that is seldom taken, it would be an object each time.
   */
  stamp(): void {
    this.#now[0] = this.#clock.now();
  }

  /** The request of that slot goes now. */
  sent(slot: number): void {
    this.#sent[slot] = this.#now[0];
  }

  /** Its reply is there. */
  replied(slot: number): void {
    if (this.#count < this.#taken.length) {
      this.#taken[this.#count++] = this.#now[0] - this.#sent[slot];
    }
  }

  /** Forgets what was taken, as after warming up. */
  clear(): void {
    this.#count = 0;
  }

  summary(): LatencySummary {
    const sorted = this.#taken.subarray(0, this.#count).toSorted();
    const at = (share: number): number => {
      const rank = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
      return micro(sorted[rank] ?? 0);
    };
    const total = sorted.reduce((sum, ns) => sum + ns, 0);
    const mean = micro(total / Math.max(1, sorted.length));
    const count = sorted.length;
    return { count, mean, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}

function micro(ns: number): number {
  return Math.round(ns / 10) / 100;
}
