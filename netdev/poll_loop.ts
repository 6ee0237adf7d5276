import { setImmediate } from "node:timers";
import type { Clock } from "./clock.ts";
import type { PollScheduler } from "./poll_scheduler.ts";
import type { Waiter } from "./waiter.ts";

/** After so many milliseconds of work, sources of interrupts and timers are looked at. */
const SLICE_MS = 1;

/**
 * After so many of them Deno's own event loop has its turn, too (signals, promises). A turn leaves a
 * kilobyte of garbage behind: one each millisecond had V8 collect that twice a second.
 */
const TURN_MS = 10;

/** Empty rounds between two looks whether the busy-poll window is over: they cost as much as a look. */
const EMPTY_ROUNDS_PER_CLOCK_READ = 4;

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
 * The one loop that everything runs in: rounds of polls while there are packets, some more for the
 * busy-poll window, then interrupts are armed and it sleeps until one comes or a timer is due. It
 * owns the clock: whatever has timers is told the time by its `tick`.
 */
export class PollLoop {
  readonly #clock: Clock;
  readonly #waiter: Waiter;
  readonly #scheduler: PollScheduler;
  readonly #busyPoll: number;
  readonly #tickers = new Set<Ticker>();
  #stopped = false;

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
    this.#tickers.add(ticker);
  }

  /** From now on `ticker` isn't told the time any more, not even in the turn under way. Idempotent. */
  removeTicker(ticker: Ticker): void {
    this.#tickers.delete(ticker);
  }

  /** Runs until {@link stop}. What a handler or a ticker throws ends it. */
  async run(): Promise<void> {
    let lastWork = -Infinity;
    let lastTurn = -Infinity;
    while (!this.#stopped) {
      // A slice: synchronous, so that nothing is interrupted in it and nothing awaited.
      const start = this.#clock.now();
      const found = this.#slice(start);
      const now = this.#clock.now();
      if (found) lastWork = now;
      const deadline = this.#tick(now);
      if (found || now - lastWork < this.#busyPoll || !this.#scheduler.arm()) {
        if (now - lastTurn >= TURN_MS) {
          await nextTurn();
          lastTurn = now;
        }
        this.#waiter.poll();
      } else {
        this.sleeps++;
        await this.#waiter.sleep(deadline);
        lastTurn = this.#clock.now();
      }
    }
  }

  /** Ends {@link run}, from a handler, a ticker or another task. */
  stop(): void {
    this.#stopped = true;
    this.#waiter.wake();
  }

  /**
   * Polls for the length of a slice while there's work, or while the busy-poll window may be open, as
   * it is after each packet: a turn of Deno's event loop would keep the next one waiting.
   * Whether there was any work.
   */
  #slice(start: number): boolean {
    const scheduler = this.#scheduler;
    const now = Math.floor(start);
    let found = false;
    let empty = 0;
    /** When there was work last, or a few empty rounds later. */
    let lastWork = start;
    let hasWorked = false;
    for (;;) {
      const handled = scheduler.round(now, start + SLICE_MS);
      if (handled > 0) found = hasWorked = true;
      if (scheduler.late) {
        if (scheduler.squeezed) this.squeezes++;
        return found;
      }
      if (handled > 0) continue;
      if (this.#busyPoll === 0 || scheduler.idle) return found;
      if (++empty % EMPTY_ROUNDS_PER_CLOCK_READ !== 0) continue;
      const time = this.#clock.now();
      if (hasWorked) {
        lastWork = time;
        hasWorked = false;
      } else if (time - lastWork >= this.#busyPoll) return found;
    }
  }

  #tick(now: number): number {
    const whole = Math.floor(now);
    let deadline = Infinity;
    for (const ticker of this.#tickers) deadline = Math.min(deadline, ticker.tick(whole));
    return deadline;
  }
}

/** One turn of Deno's event loop: 1.4 µs, where setTimeout(0) takes 2 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
