import type { Clock } from "./clock.ts";
import * as pollBackoff from "./poll_backoff.ts";
import type { PollScheduler } from "./poll_scheduler.ts";
import type { Waiter } from "./waiter.ts";

// Not imported by name, for speed: V8 compiles a module's constants in.
const { backOff } = pollBackoff;

/** After so many milliseconds of work, sources of interrupts and timers are looked at. */
const SLICE_MS = 1;

/**
 * After so many of them Deno's own event loop has its turn, too (signals, promises). A turn leaves 0.9
 * kB of garbage behind, more than all else in a slice: one each millisecond fills the young generation
 * of V8, 1.4 MB then, in one and a half seconds.
 */
const TURN_MS = 10;

/** Empty rounds between two looks whether the busy-poll window is over: they cost as much as a look. */
const EMPTY_ROUNDS_PER_CLOCK_READ = 4;

/** Places in the times of a loop. */
const LAST_WORK = 0;
/** When Deno's event loop had its turn. */
const LAST_TURN = 1;
/** When there was work last, as far as a slice knows that: a few empty rounds late. */
const LAST_SEEN = 2;
const TIMES = 3;

/** Something with timers. */
export interface Ticker {
  /** Does what is due at `now` and returns when the next thing is: whole milliseconds, or Infinity. */
  tick(now: number): number;
}

/** What a loop is made of. */
export interface PollLoopOptions {
  /** The time. */
  readonly clock: Clock;
  /** How to sleep. */
  readonly waiter: Waiter;
  /** The queues to poll. */
  readonly scheduler: PollScheduler;
  /** Milliseconds to go on polling without finding a packet, before sleeping. */
  readonly busyPoll: number;
}

/**
 * The one loop that everything runs in: rounds of polls while there are packets; some more for the
 * busy-poll window, with {@link backOff pauses} when they stay empty; then interrupts are armed, and it
 * sleeps until one comes or a timer is due. It owns the clock: whatever has timers is told the time by
 * its `tick`.
 */
export class PollLoop {
  readonly #clock: Clock;
  readonly #waiter: Waiter;
  readonly #scheduler: PollScheduler;
  readonly #busyPoll: number;
  /** In the order of their adding; and the place of the next one in the turn under way. */
  readonly #tickers: Ticker[] = [];
  #nextTicker = 0;
  #stopped = false;
  /** Typed, so that a time that is kept is no new number on the heap. */
  readonly #times = new Float64Array(TIMES).fill(-Infinity);

  /** Times a slice was over with work left, which waited for interrupts and timers to be looked at. */
  squeezes = 0;
  /** Times the loop slept. */
  sleeps = 0;

  /** Runs nothing yet. */
  constructor(options: PollLoopOptions) {
    this.#clock = options.clock;
    this.#waiter = options.waiter;
    this.#scheduler = options.scheduler;
    this.#busyPoll = options.busyPoll;
  }

  /** Has `ticker` told the time from now on, after those that were added before. Idempotent. */
  addTicker(ticker: Ticker): void {
    if (!this.#tickers.includes(ticker)) this.#tickers.push(ticker);
  }

  /** From now on `ticker` isn't told the time any more, not even in the turn under way. Idempotent. */
  removeTicker(ticker: Ticker): void {
    const index = this.#tickers.indexOf(ticker);
    if (index < 0) return;
    this.#tickers.splice(index, 1);
    if (index < this.#nextTicker) this.#nextTicker--;
  }

  /** Runs until {@link stop}. What a handler or a ticker throws ends it. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const deadline = this.#workOn();
      if (deadline !== null) {
        await this.#waiter.sleep(deadline);
        this.#times[LAST_TURN] = this.#clock.now();
      } else if (!this.#stopped) {
        await this.#waiter.turn();
      }
    }
  }

  /** Ends {@link run}, from a handler, a ticker or another task. */
  stop(): void {
    this.#stopped = true;
    this.#waiter.wake();
  }

  /**
   * Slice after slice, until there's nothing to do: when a timer is due then; or until Deno's event
   * loop is to have its turn, or the loop was stopped: null. Synchronous, so that nothing is
   * interrupted in it; and apart from {@link run}, since V8 has each number of an async function on
   * the heap that is needed after an `await`.
   */
  #workOn(): number | null {
    const times = this.#times;
    while (!this.#stopped) {
      const found = this.#slice();
      const now = this.#clock.now();
      if (found) times[LAST_WORK] = now;
      const deadline = this.#tick(Math.floor(now));
      const isBusy = found || now - times[LAST_WORK] < this.#busyPoll;
      if (!isBusy && this.#scheduler.arm()) {
        this.sleeps++;
        if (!this.#nap(now, deadline)) return deadline;
        continue;
      }
      if (now - times[LAST_TURN] >= TURN_MS) {
        times[LAST_TURN] = now;
        return null;
      }
      this.#waiter.poll();
    }
    return null;
  }

  /**
   * Sleeps for as long as Deno's event loop can wait for its turn, as it would for work: that leaves
   * no garbage, where a sleep on another thread leaves 0.9 kB, and ends sooner. Whether there's
   * something to do, for a timer too.
   */
  #nap(now: number, deadline: number): boolean {
    const turnAt = this.#times[LAST_TURN] + TURN_MS;
    const isTimed = deadline < turnAt;
    const left = isTimed ? Math.ceil(deadline - now) : Math.floor(turnAt - now);
    if (left <= 0) return false;
    return this.#waiter.nap(left) || isTimed && this.#clock.now() >= deadline;
  }

  /**
   * Polls for the length of a slice while there's work, or while the busy-poll window may be open, as
   * it is after each packet: a turn of Deno's event loop would keep the next one waiting. A look that
   * a timer asked for opens no window: on a clock of 4 ms it would be as long. Whether there was any work.
   */
  #slice(): boolean {
    const scheduler = this.#scheduler;
    const times = this.#times;
    const start = this.#clock.now();
    const now = Math.floor(start);
    const end = start + SLICE_MS;
    let found = false;
    let empty = 0;
    times[LAST_SEEN] = times[LAST_WORK];
    let hasWorked = false;
    for (;;) {
      const handled = scheduler.round(now, end);
      if (handled > 0) {
        found = hasWorked = true;
        empty = 0;
      }
      if (scheduler.late) {
        if (scheduler.squeezed) this.squeezes++;
        return found;
      }
      if (handled > 0) continue;
      if (this.#busyPoll === 0 || scheduler.idle) return found;
      backOff(++empty);
      if (empty % EMPTY_ROUNDS_PER_CLOCK_READ !== 0) continue;
      const time = this.#clock.now();
      if (hasWorked) {
        times[LAST_SEEN] = time;
        hasWorked = false;
      } else if (time - times[LAST_SEEN] >= this.#busyPoll) return found;
    }
  }

  /** `now`: whole milliseconds, which V8 keeps without the heap. By index: an iterator is an object. */
  #tick(now: number): number {
    const tickers = this.#tickers;
    let deadline = Infinity;
    for (this.#nextTicker = 0; this.#nextTicker < tickers.length;) {
      const next = tickers[this.#nextTicker++].tick(now);
      // Math.min() would have V8 make a number on the heap, each time.
      if (next < deadline) deadline = next;
    }
    return deadline;
  }
}
