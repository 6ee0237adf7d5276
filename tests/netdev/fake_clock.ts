import type { Clock } from "../../netdev/clock.ts";

/**
 * Time as a test wants it. A reading takes time here as it does anywhere: a loop that waits for the
 * clock to go on would wait for ever.
 */
export class FakeClock implements Clock {
  /** Milliseconds now. */
  time: number;
  /** Milliseconds that pass with each reading. */
  readonly step: number;

  constructor(time = 0, step = 0.001) {
    this.time = time;
    this.step = step;
  }

  now(): number {
    const now = this.time;
    this.time += this.step;
    return now;
  }
}
