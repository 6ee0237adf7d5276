import { assertEquals } from "@std/assert";
import { POLL_WEIGHT, PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { PolledQueue } from "../../netdev/polled_queue.ts";
import { FakeClock } from "./fake_clock.ts";
import { scheduled } from "./loop_fixture.ts";

/** A power of two, so that times are exact: 1024 packets a millisecond. */
const PACKET_MS = 1 / 1024;

/** Each packet takes its time; the packets of a flood wait all the time. */
class Flood implements PolledQueue {
  handled = 0;
  protected readonly clock: FakeClock;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  poll(weight: number, _now: number): number {
    return this.take(weight);
  }

  arm(): boolean {
    return false;
  }

  disarm(): void {}

  protected take(count: number): number {
    this.clock.time += count * PACKET_MS;
    this.handled += count;
    return count;
  }
}

/** A packet comes each `interval` milliseconds, and how long each has waited for its turn is kept. */
class Quiet extends Flood {
  /** Packets' time that each packet waited. */
  readonly waits: number[] = [];
  #next: number;
  readonly #interval: number;

  constructor(clock: FakeClock, interval: number, first: number) {
    super(clock);
    this.#interval = interval;
    this.#next = first;
  }

  override poll(weight: number, _now: number): number {
    let count = 0;
    for (; count < weight && this.#next <= this.clock.time; count++) {
      this.waits.push((this.clock.time - this.#next) / PACKET_MS);
      this.#next += this.#interval;
    }
    return this.take(count);
  }

  override arm(): boolean {
    return this.#next > this.clock.time;
  }
}

/** Floods of these weights, after so many rounds. */
function share(weights: readonly number[], rounds: number): number[] {
  const clock = new FakeClock(0, 0);
  const scheduler = new PollScheduler({ clock });
  const floods = weights.map((weight) => {
    const flood = new Flood(clock);
    scheduled(scheduler, flood, weight);
    return flood;
  });
  for (let round = 0; round < rounds; round++) scheduler.round(0);
  return floods.map(({ handled }) => handled);
}

Deno.test("two floods share evenly, and at no time is one more than a weight ahead", () => {
  assertEquals(share([64, 64], 100), [6400, 6400]);
  const clock = new FakeClock(0, 0);
  const scheduler = new PollScheduler({ clock });
  const [a, b] = [new Flood(clock), new Flood(clock)];
  let ahead = 0;
  for (const flood of [a, b]) {
    const poll = flood.poll.bind(flood);
    flood.poll = (weight, now) => {
      const count = poll(weight, now);
      ahead = Math.max(ahead, Math.abs(a.handled - b.handled));
      return count;
    };
    scheduled(scheduler, flood);
  }
  // With a deadline in the middle of many a round.
  for (let round = 0; round < 1000; round++) scheduler.round(0, clock.time + round % 4 / 10);
  assertEquals(ahead, 64);
});

Deno.test("floods of weight 64 and 16 share 80 to 20", () => {
  assertEquals(share([64, 16], 100), [6400, 1600]);
  assertEquals(share([16, 64], 100), [1600, 6400]);
});

Deno.test("over many rounds cut by the budget, floods of one weight get the same", () => {
  // Five turns a round: after seven rounds each of seven has had five.
  assertEquals(share(new Array<number>(7).fill(64), 70), new Array<number>(7).fill(50 * 64));
  assertEquals(share(new Array<number>(5).fill(64), 70), new Array<number>(5).fill(70 * 64));
  assertEquals(share(new Array<number>(300).fill(1), 70), new Array<number>(300).fill(70));
  assertEquals(share(new Array<number>(450).fill(1), 3), new Array<number>(450).fill(2));
});

for (const [count, longest] of [[1, 64], [4, 256], [9, 576]]) {
  const floods = count === 1 ? "a flood" : `${count} floods`;
  Deno.test(`beside ${floods} a quiet queue's packets wait for one weight of each at most`, () => {
    const clock = new FakeClock(0, 0);
    const scheduler = new PollScheduler({ clock });
    for (let i = 0; i < count; i++) scheduled(scheduler, new Flood(clock));
    // Packets come at any point of a turn, but for its very beginning.
    const quiet = new Quiet(clock, 1001.25 * PACKET_MS, 0.25 * PACKET_MS);
    scheduled(scheduler, quiet);
    while (quiet.waits.length < 2000) scheduler.round(0, clock.time + 1);
    assertEquals(Math.max(...quiet.waits), longest - 0.25);
    assertEquals(Math.min(...quiet.waits) < 1, true);
  });
}

Deno.test("a quiet queue that was armed waits for one weight of a flood after its interrupt", () => {
  const clock = new FakeClock(0, 0);
  const scheduler = new PollScheduler({ clock, deferral: 0 });
  const quiet = new Quiet(clock, Infinity, 0);
  const interrupted = scheduler.add(quiet);
  interrupted.enable();
  const flood = new Flood(clock);
  flood.poll = (weight) => {
    // It interrupts as the turn begins, the worst of all times.
    interrupted.schedule();
    clock.time += weight * PACKET_MS;
    return weight;
  };
  scheduled(scheduler, flood);
  for (let round = 0; quiet.waits.length === 0; round++) scheduler.round(0);
  assertEquals(quiet.waits, [POLL_WEIGHT]);
});

Deno.test("a flood beside a quiet queue loses no more than the quiet one's packets", () => {
  const clock = new FakeClock(0, 0);
  const scheduler = new PollScheduler({ clock });
  const flood = new Flood(clock);
  const quiet = new Quiet(clock, 10 * PACKET_MS, 0);
  scheduled(scheduler, flood);
  scheduled(scheduler, quiet);
  for (let round = 0; round < 1000; round++) scheduler.round(0);
  assertEquals(flood.handled, 64_000);
  // One packet in ten of all: its own take time as well.
  assertEquals(quiet.handled, Math.floor(64_000 / 9));
});
