import type { MonotonicClock } from "./generator_clock.ts";

/** Samples that are kept. */
const SAMPLES_MAX = 1 << 16;

/** One turn in so many is timed. */
const EVERY = 16;

/** Smaller turns say little about what an echo costs in a stream of them. */
const ECHOES_MIN = 8;

/**
 * What an echo costs the generator itself: from one turn in some its time, that of looking at the ring
 * included, divided by its echoes. The median of those is not moved by whatever else the machine does;
 * turns that find nothing have no echo to cost anything.
 */
export class OwnTime {
  readonly #clock: MonotonicClock;
  readonly #samples: Float32Array = new Float32Array(SAMPLES_MAX);
  readonly #clockNs: number = 0;
  #count = 0;
  #turns = 0;
  #timed = false;

  constructor(clock: MonotonicClock) {
    this.#clock = clock;
    this.#clockNs = readingNs(clock);
  }

  /** Begins a turn: the time, or 0 when this one isn't timed. */
  start(): number {
    this.#timed = (++this.#turns & (EVERY - 1)) === 0;
    return this.#timed ? this.#clock.now() : 0;
  }

  /** Ends it, after so many echoes were taken in and as many, more or less, were sent. */
  end(start: number, echoes: number): void {
    if (!this.#timed || echoes < ECHOES_MIN) return;
    const ns = this.#clock.now() - start - this.#clockNs;
    this.#samples[this.#count++ & (SAMPLES_MAX - 1)] = ns / echoes;
  }

  /** Forgets what was timed, as after warming up. */
  clear(): void {
    this.#count = 0;
  }

  /** Nanoseconds per echo; 0 when no turn was timed. */
  get median(): number {
    const sorted = this.#samples.subarray(0, Math.min(this.#count, SAMPLES_MAX)).toSorted();
    return sorted[sorted.length >>> 1] ?? 0;
  }
}

/** What one reading of the clock takes: the least of many. */
function readingNs(clock: MonotonicClock): number {
  let least = Infinity;
  for (let i = 0; i < 10_000; i++) {
    const start = clock.now();
    least = Math.min(least, clock.now() - start);
  }
  return least;
}
