import { setImmediate } from "node:timers/promises";
import type { Waiter } from "../../netdev/waiter.ts";
import type { FakeClock } from "./fake_clock.ts";

/** More turns than any test needs: a loop that never ends fails its test instead of hanging it. */
const MAX_TURNS = 100_000;

/** Sleeps in fake time: a nap or sleep moves the clock to its end, unless something ends it sooner. */
export class FakeWaiter implements Waiter {
  /** The deadline of each sleep. */
  readonly deadlines: number[] = [];
  /** Looks at the sources without sleeping. */
  polls = 0;
  /** Milliseconds of each nap. */
  readonly naps: number[] = [];
  /** What goes on in the world during a nap; without it there are none, but sleeps alone. */
  whileNapping: (() => void) | null = null;
  /** What goes on in the world during a sleep. */
  whileAsleep: () => void = () => {};

  readonly #clock: FakeClock;
  readonly #ready: (() => void)[] = [];
  #woken = false;
  #turns = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** A source has become ready: its handler runs in the poll or sleep under way, or the next one. */
  raise(handler: () => void): void {
    this.#ready.push(handler);
  }

  poll(): void {
    this.#turn();
    this.polls++;
    this.#woken = false;
    this.#dispatch();
  }

  async turn(): Promise<void> {
    await setImmediate();
    this.poll();
  }

  nap(milliseconds: number): boolean {
    if (this.whileNapping === null) return false;
    this.#turn();
    this.naps.push(milliseconds);
    this.whileNapping();
    const isOver = this.#woken || this.#ready.length > 0;
    if (!isOver) this.#clock.time += milliseconds;
    this.#woken = false;
    this.#dispatch();
    return isOver;
  }

  async sleep(deadline: number): Promise<void> {
    this.#turn();
    this.deadlines.push(deadline);
    await Promise.resolve();
    this.whileAsleep();
    if (!this.#woken && this.#ready.length === 0) {
      if (deadline === Infinity) throw new Error("nothing would ever end this sleep");
      this.#clock.time = Math.max(this.#clock.time, deadline);
    }
    this.#woken = false;
    this.#dispatch();
  }

  wake(): void {
    this.#woken = true;
  }

  #dispatch(): void {
    for (const handler of this.#ready.splice(0)) handler();
  }

  #turn(): void {
    if (++this.#turns > MAX_TURNS) throw new Error(`the loop went on for ${MAX_TURNS} turns`);
  }
}
