import { compiled } from "../../drivers/ffi/libc.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { deferredWork, EMPTY_ROUND_BUCKETS, emptyRoundBucket } from "./empty_rounds.ts";

const clockGettime = compiled("clock_gettime");

const CLOCK_MONOTONIC = 1;
/** Readings of the clock to find out what one costs, and how often that is tried. */
const READINGS = 4096;
const TRIES = 64;

/** Places in the totals. */
const PACKETS = 0;
const BUSY = 1;
const BUSY_ROUNDS = 2;
const ROUNDS = 3;

/** What was measured since it was begun. */
export interface BusyTime {
  readonly packets: number;
  /**
   * Nanoseconds of the rounds that received packets, the clock's own cost subtracted, and of the work
   * that was left for empty rounds.
   */
  readonly nanoseconds: number;
  /** The part of it that was done in empty rounds. */
  readonly deferredNanoseconds: number;
  /** Rounds that received packets. */
  readonly busyRounds: number;
  /** All of them. */
  readonly rounds: number;
}

/**
 * The scheduler as it is, that looks at the clock before and behind each round. What a round costs
 * that received nothing is left out, as testpmd's `--record-core-cycles` has it: it sums the cycles
 * of a forwarding function that received something, and divides by the packets. testpmd takes back
 * what was sent when it sends the next; here it may be a round without packets that does so, and
 * {@link deferredWork} is what that costs.
 *
 * clock_gettime(2) by a fast call is 28 ns here, of which one lies between two readings; Deno's own
 * clock is 76.
 */
export class TimedScheduler extends PollScheduler {
  /** `struct timespec`, of which the low halves are enough for differences. */
  readonly #timespec = new Int32Array(4);
  /** Typed, so that a sum is no new number each time. */
  readonly #totals = new Float64Array(4);
  readonly #emptyRounds = new Uint32Array(EMPTY_ROUND_BUCKETS);
  #readingCost = 0;

  override round(now: number, deadline: number = Infinity): number {
    const timespec = this.#timespec;
    clockGettime(CLOCK_MONOTONIC, timespec);
    const seconds = timespec[0];
    const nanoseconds = timespec[2];
    const handled = super.round(now, deadline);
    clockGettime(CLOCK_MONOTONIC, timespec);
    const elapsed = (timespec[0] - seconds) * 1e9 + timespec[2] - nanoseconds;
    const totals = this.#totals;
    totals[ROUNDS]++;
    if (handled > 0) {
      totals[PACKETS] += handled;
      totals[BUSY] += elapsed;
      totals[BUSY_ROUNDS]++;
    } else {
      this.#emptyRounds[emptyRoundBucket(elapsed)]++;
    }
    return handled;
  }

  /** Forgets what it has measured, and finds out what looking at the clock costs. */
  begin(): void {
    this.#readingCost = this.#measureReading();
    this.#totals.fill(0);
    this.#emptyRounds.fill(0);
  }

  /** What it has measured since. */
  measured(): BusyTime {
    const [packets, busy, busyRounds, rounds] = this.#totals;
    const deferredNanoseconds = deferredWork(this.#emptyRounds);
    const nanoseconds = busy - busyRounds * this.#readingCost + deferredNanoseconds;
    return { packets, nanoseconds, deferredNanoseconds, busyRounds, rounds };
  }

  /** The smallest mean of several, as whatever else runs can only add to it. */
  #measureReading(): number {
    const timespec = this.#timespec;
    let least = Infinity;
    for (let i = 0; i < TRIES; i++) {
      clockGettime(CLOCK_MONOTONIC, timespec);
      const seconds = timespec[0];
      const nanoseconds = timespec[2];
      for (let j = 0; j < READINGS; j++) clockGettime(CLOCK_MONOTONIC, timespec);
      const elapsed = (timespec[0] - seconds) * 1e9 + timespec[2] - nanoseconds;
      least = Math.min(least, elapsed / READINGS);
    }
    return least;
  }
}
