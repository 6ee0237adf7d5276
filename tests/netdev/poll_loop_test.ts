import { setImmediate } from "node:timers";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Ticker } from "../../netdev/poll_loop.ts";
import { FakeQueue } from "./fake_queue.ts";
import { LoopFixture, scheduled } from "./loop_fixture.ts";

/** Is due at these times, and keeps when it was told the time. */
class Timetable implements Ticker {
  readonly times: number[] = [];
  readonly #due: readonly number[];
  readonly #onDue: (time: number) => void;

  constructor(due: readonly number[], onDue: (time: number) => void = () => {}) {
    this.#due = due;
    this.#onDue = onDue;
  }

  tick(now: number): number {
    this.times.push(now);
    if (this.#due.includes(now)) this.#onDue(now);
    return this.#due.find((time) => time > now) ?? Infinity;
  }
}

Deno.test("a loop with nothing to do sleeps without a deadline", async () => {
  const { loop, waiter } = new LoopFixture();
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(waiter.deadlines, [Infinity]);
  assertEquals([loop.sleeps, loop.squeezes, waiter.polls], [1, 0, 0]);
});

Deno.test("a sleep ends with the first deadline of all tickers", async () => {
  const { loop, waiter } = new LoopFixture();
  loop.addTicker(new Timetable([70]));
  loop.addTicker(new Timetable([30]));
  loop.addTicker(new Timetable([]));
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(waiter.deadlines, [30]);
});

Deno.test("tickers are told each deadline of any of them, and no more", async () => {
  const { loop, waiter } = new LoopFixture();
  const first = new Timetable([10, 40]);
  const second = new Timetable([25, 60], (time) => time === 60 && loop.stop());
  loop.addTicker(first);
  loop.addTicker(second);
  await loop.run();
  assertEquals(first.times, [0, 10, 25, 40, 60]);
  assertEquals(second.times, first.times);
  assertEquals(waiter.deadlines.slice(0, 4), [10, 25, 40, 60]);
});

Deno.test("tickers are told whole milliseconds", async () => {
  const { loop, clock, waiter } = new LoopFixture();
  clock.time = 1234.567;
  const ticker = new Timetable([]);
  loop.addTicker(ticker);
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(ticker.times, [1234]);
});

Deno.test("a ticker that is removed is not told the time any more", async () => {
  const { loop, waiter } = new LoopFixture();
  const removed = new Timetable([10, 20], (time) => time === 10 && loop.removeTicker(removed));
  const other = new Timetable([30, 40], (time) => time === 40 && loop.stop());
  loop.addTicker(removed);
  loop.addTicker(other);
  await loop.run();
  assertEquals(removed.times, [0, 10]);
  // The deadline that it gave in the turn of its removal still ends a sleep.
  assertEquals(other.times, [0, 10, 20, 30, 40]);
  assertEquals(waiter.deadlines.slice(0, 4), [10, 20, 30, 40]);
});

Deno.test("a ticker may remove another one in the middle of a turn, or add one", async () => {
  const { loop } = new LoopFixture();
  const later = new Timetable([]);
  const added = new Timetable([]);
  loop.addTicker(
    new Timetable([10], () => {
      loop.removeTicker(later);
      loop.addTicker(added);
    }),
  );
  loop.addTicker(later);
  loop.addTicker(new Timetable([20], () => loop.stop()));
  await loop.run();
  assertEquals([later.times, added.times], [[0], [10, 20]]);
});

Deno.test("a ticker is told the time once a turn, however often it was added", async () => {
  const { loop } = new LoopFixture();
  const ticker = new Timetable([10], () => loop.stop());
  for (let i = 0; i < 3; i++) loop.addTicker(ticker);
  await loop.run();
  assertEquals(ticker.times, [0, 10]);
});

Deno.test("a timer alone leads to one sleep each time it is due, not to polls", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ busyPoll: 0.05 });
  const ticks = Array.from({ length: 10 }, (_, i) => 5 * (i + 1));
  loop.addTicker(new Timetable(ticks, (time) => time === 50 && loop.stop()));
  await loop.run();
  assertEquals(waiter.deadlines.slice(0, 10), ticks);
  assertEquals(waiter.polls, 0);
  assertEquals([scheduler.polls, scheduler.rounds], [0, loop.sleeps]);
});

Deno.test("it sleeps only when each scheduled queue is armed", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const queues = [new FakeQueue(200), new FakeQueue(0)];
  for (const queue of queues) scheduled(scheduler, queue);
  waiter.whileAsleep = () => {
    assertEquals(queues.map(({ armed, waiting }) => [armed, waiting]), [[true, 0], [true, 0]]);
    loop.stop();
  };
  await loop.run();
  assertEquals(waiter.deadlines, [Infinity]);
  assertEquals(queues[0].handled, 200);
});

Deno.test("a packet that comes between the last poll and arming is not slept on", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(0);
  queue.onArm = () => {
    if (queue.arms <= 3) queue.waiting = 1;
  };
  scheduled(scheduler, queue);
  waiter.whileAsleep = () => {
    assertEquals([queue.handled, queue.arms], [3, 4]);
    loop.stop();
  };
  await loop.run();
  assertEquals(waiter.deadlines, [Infinity]);
});

Deno.test("an interrupt ends the sleep and its queue is polled", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(0);
  const napi = scheduled(scheduler, queue);
  waiter.whileAsleep = () => {
    if (loop.sleeps === 2) return loop.stop();
    queue.waiting = 5;
    waiter.raise(() => napi.schedule());
  };
  await loop.run();
  assertEquals(queue.handled, 5);
  assertEquals(queue.armed, true);
  assertEquals(loop.sleeps, 2);
});

Deno.test("what comes soon after the last packet ends a nap, in which no promise is made", async () => {
  const { loop, clock, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(1);
  const napi = scheduled(scheduler, queue);
  waiter.whileNapping = () => {
    clock.time++;
    if (queue.handled === 5) return loop.stop();
    queue.waiting = 1;
    waiter.raise(() => napi.schedule());
  };
  await loop.run();
  assertEquals([queue.handled, queue.arms], [5, 5]);
  assertEquals([waiter.naps.length, waiter.deadlines.length, loop.sleeps], [5, 0, 5]);
});

Deno.test("of many naps each ten milliseconds end with a sleep, a turn of Deno's event loop", async () => {
  const { loop, clock, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(1);
  const napi = scheduled(scheduler, queue);
  const interrupt = (): void => {
    clock.time++;
    queue.waiting = 1;
    waiter.raise(() => napi.schedule());
    if (clock.time > 1000) loop.stop();
  };
  waiter.whileNapping = waiter.whileAsleep = interrupt;
  await loop.run();
  const turns = waiter.deadlines.length;
  assert(turns >= 80, `${turns} turns in ${clock.time} ms`);
  assert(waiter.naps.length >= 800, `${waiter.naps.length} naps in ${clock.time} ms`);
  assert(Math.max(...waiter.naps) <= 10, `a nap of ${Math.max(...waiter.naps)} ms`);
});

Deno.test("a nap ends when a timer is due", async () => {
  const { loop, waiter } = new LoopFixture();
  waiter.whileNapping = () => {};
  const ticker = new Timetable([10, 14, 17], (time) => time === 17 && loop.stop());
  loop.addTicker(ticker);
  await loop.run();
  assertEquals(ticker.times, [0, 10, 14, 17]);
  assertEquals(waiter.deadlines, [10]);
  assertEquals(waiter.naps.slice(0, 2), [4, 3]);
});

Deno.test("without a busy-poll window it sleeps as soon as a queue has run dry", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ busyPoll: 0 });
  const queue = new FakeQueue(10);
  scheduled(scheduler, queue);
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(queue.weights.length <= 3, true, `polled ${queue.weights.length} times`);
});

Deno.test("it polls on for the busy-poll window after the last packet, then sleeps", async () => {
  for (const busyPoll of [0.5, 20]) {
    const { loop, clock, waiter, scheduler } = new LoopFixture({ busyPoll });
    let lastPacket = 0;
    const queue = new FakeQueue(0, () => {
      if (queue.weights.length === 2) queue.waiting = 1;
      if (queue.waiting > 0) lastPacket = clock.time;
    });
    let asleep = 0;
    waiter.whileAsleep = () => {
      asleep = clock.time;
      loop.stop();
    };
    // The first packet opens the window, the second one, in the middle of it, opens it anew.
    queue.waiting = 1;
    scheduled(scheduler, queue);
    await loop.run();
    assertEquals(queue.handled, 2);
    assert(asleep - lastPacket >= busyPoll, `asleep ${asleep - lastPacket} ms after a packet`);
    assert(asleep - lastPacket < busyPoll + 2, `asleep ${asleep - lastPacket} ms after a packet`);
    assert(queue.weights.length > 100, `polled ${queue.weights.length} times`);
    assertEquals(queue.arms, 1, "interrupts stay off in the window");
    assertEquals(loop.squeezes, 0, "a slice that found nothing at its end was not squeezed");
  }
});

Deno.test("rounds that stay empty have pauses in between, which end with a packet", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ busyPoll: 0.5 });
  const { pause } = Atomics;
  let pauses = 0;
  const before: number[] = [];
  const queue = new FakeQueue(1, () => {
    before.push(pauses);
    if (queue.weights.length === 300) queue.waiting = 1;
  });
  scheduled(scheduler, queue);
  waiter.whileAsleep = () => loop.stop();
  Atomics.pause = () => {
    pauses++;
  };
  try {
    await loop.run();
  } finally {
    Atomics.pause = pause;
  }
  // Round 0 and round 300 have a packet.
  assertEquals([before[128], before[129], before[130]], [0, 1, 2]);
  assertEquals(before[428] - before[301], 0);
  assertEquals(before[429] - before[301], 1);
});

Deno.test("a look that finds nothing opens no busy-poll window", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ busyPoll: 20 });
  const queue = new FakeQueue(0);
  const napi = scheduled(scheduler, queue);
  const looks = 10;
  waiter.whileAsleep = () => {
    if (loop.sleeps === looks) loop.stop();
    else waiter.raise(() => napi.schedule());
  };
  await loop.run();
  assertEquals(queue.arms, looks);
  assert(queue.weights.length <= 4 * looks, `polled ${queue.weights.length} times`);
});

Deno.test("a packet in the busy-poll window is handled without a sleep", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ busyPoll: 0.5 });
  const queue = new FakeQueue(1, () => {
    if (queue.weights.length === 40) queue.waiting = 1;
  });
  scheduled(scheduler, queue);
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(queue.handled, 2);
  assertEquals(loop.sleeps, 1);
});

Deno.test("packets that come one by one, each in the window of the last, share a slice", async () => {
  const { loop, clock, waiter, scheduler } = new LoopFixture({ busyPoll: 0.1 });
  const queue = new FakeQueue(1, () => {
    if (queue.handled === 600) loop.stop();
    else if (queue.weights.length % 40 === 0) queue.waiting = 1;
  });
  scheduled(scheduler, queue);
  await loop.run();
  assert(clock.time > 5, `it took ${clock.time} ms`);
  // A slice is a millisecond.
  assert(waiter.polls <= clock.time + 1, `${waiter.polls} turns in ${clock.time} ms`);
  assertEquals(loop.sleeps, 0);
});

Deno.test("deadlines are kept while a queue never runs dry", async () => {
  const { loop, scheduler } = new LoopFixture();
  const queue = new FakeQueue(Infinity);
  scheduled(scheduler, queue);
  const ticker = new Timetable([20], () => loop.stop());
  loop.addTicker(ticker);
  await loop.run();
  // Each millisecond had its tick: a slice of work is no longer.
  assertEquals([...new Set(ticker.times)], Array.from({ length: 20 }, (_, i) => i + 1));
  assertEquals(loop.sleeps, 0);
});

Deno.test("Deno's own event loop has its turn while a queue never runs dry", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(Infinity, () => {
    if (queue.weights.length === 10_000_000) throw new Error("no timer had its turn");
  });
  scheduled(scheduler, queue);
  setTimeout(() => loop.stop(), 1);
  await loop.run();
  assert(loop.squeezes > 0);
  assertEquals(waiter.polls, loop.squeezes);
  assertEquals(loop.sleeps, 0);
});

Deno.test("turns of Deno's event loop are ten milliseconds apart, looks at interrupts are one", async () => {
  const { loop, clock, waiter, scheduler } = new LoopFixture();
  const queue = new FakeQueue(Infinity);
  scheduled(scheduler, queue);
  let turns = 0;
  const count = (): void => {
    turns++;
    if (clock.time > 1000) loop.stop();
    else setImmediate(count);
  };
  setImmediate(count);
  await loop.run();
  assert(turns >= 90 && turns <= 110, `${turns} turns in ${clock.time} ms`);
  assert(waiter.polls >= 900, `${waiter.polls} looks in ${clock.time} ms`);
});

Deno.test("an interrupt of a second queue is seen while the first never runs dry", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const flooding = new FakeQueue(Infinity);
  const quiet = new FakeQueue(3, () => loop.stop());
  scheduled(scheduler, flooding);
  waiter.raise(() => scheduled(scheduler, quiet));
  await loop.run();
  assertEquals(quiet.handled, 3);
});

Deno.test("only a slice that ends with work left counts as squeezed", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  scheduled(scheduler, new FakeQueue(1000));
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals(loop.squeezes, 0);
});

Deno.test("stop before run means not to run at all", async () => {
  const { loop, scheduler } = new LoopFixture();
  loop.stop();
  await loop.run();
  assertEquals([scheduler.rounds, loop.sleeps], [0, 0]);
});

Deno.test("stop from a ticker ends the loop without waiting for a deadline", async () => {
  const { loop, clock } = new LoopFixture();
  loop.addTicker(new Timetable([10, 1000], (time) => time === 10 && loop.stop()));
  await loop.run();
  assert(clock.time < 11, `${clock.time} ms`);
});

Deno.test("stop from an interrupt handler ends the loop", async () => {
  const { loop, clock, waiter } = new LoopFixture();
  loop.addTicker(new Timetable([1000]));
  waiter.raise(() => loop.stop());
  await loop.run();
  assert(clock.time < 1, `${clock.time} ms`);
});

Deno.test("stop from a poll ends the loop, with packets left", async () => {
  const { loop, scheduler } = new LoopFixture();
  const queue = new FakeQueue(Infinity, () => loop.stop());
  scheduled(scheduler, queue);
  await loop.run();
  assertEquals(loop.sleeps, 0);
});

Deno.test("what a ticker throws ends the loop with it", async () => {
  const { loop } = new LoopFixture();
  loop.addTicker(
    new Timetable([5], () => {
      throw new RangeError("out of time");
    }),
  );
  await assertRejects(() => loop.run(), RangeError, "out of time");
});

Deno.test("what an interrupt handler throws ends the loop with it", async () => {
  for (const waiting of [0, Infinity]) {
    const { loop, waiter, scheduler } = new LoopFixture();
    scheduled(scheduler, new FakeQueue(waiting));
    waiter.raise(() => {
      throw new RangeError("no such queue");
    });
    await assertRejects(() => loop.run(), RangeError, "no such queue");
  }
});

Deno.test("what a poll throws ends the loop with it", async () => {
  const { loop, scheduler } = new LoopFixture();
  scheduled(
    scheduler,
    new FakeQueue(0, () => {
      throw new RangeError("bad descriptor");
    }),
  );
  await assertRejects(() => loop.run(), RangeError, "bad descriptor");
});

Deno.test("beside a queue that never runs dry a quiet one isn't armed, slice after slice", async () => {
  for (const busyPoll of [0, 0.05]) {
    const { loop, scheduler } = new LoopFixture({ busyPoll });
    const quiet = new FakeQueue(0, () => quiet.weights.length === 20_000 && loop.stop());
    scheduled(scheduler, new FakeQueue(Infinity));
    scheduled(scheduler, quiet);
    await loop.run();
    assert(loop.squeezes > 1, `${loop.squeezes} squeezes`);
    assertEquals(quiet.arms, 0);
  }
});

Deno.test("after a poll that throws the loop can be run again", async () => {
  const { loop, waiter, scheduler } = new LoopFixture();
  const bad = new FakeQueue(6, () => {
    throw new RangeError("once");
  });
  const good = new FakeQueue(7);
  scheduled(scheduler, bad);
  scheduled(scheduler, good);
  await assertRejects(() => loop.run(), RangeError, "once");
  bad.onPoll = () => {};
  waiter.whileAsleep = () => loop.stop();
  await loop.run();
  assertEquals([bad.handled, good.handled, bad.armed, good.armed], [6, 7, true, true]);
});

Deno.test("classic NAPI in the loop: interrupt, one poll, armed, asleep", async () => {
  const { loop, waiter, scheduler } = new LoopFixture({ deferral: 0 });
  const queue = new FakeQueue(0);
  const napi = scheduled(scheduler, queue);
  waiter.whileAsleep = () => {
    if (loop.sleeps === 4) return loop.stop();
    queue.waiting = 5;
    waiter.raise(() => napi.schedule());
  };
  await loop.run();
  const { schedules, polls, completes } = napi.counters;
  assertEquals([queue.handled, schedules, polls, completes], [15, 4, 4, 4]);
});

Deno.test("a slice that is over with work left yields, and the next begins with who is next", async () => {
  const { loop, clock, waiter, scheduler } = new LoopFixture();
  const order: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) =>
    new FakeQueue(Infinity, () => {
      order.push(name);
      clock.time += 0.25;
      if (order.length === 12) loop.stop();
    })
  );
  const napis = [a, b, c].map((queue) => scheduled(scheduler, queue));
  await loop.run();
  assertEquals(order.join(""), "abca" + "bcab" + "cabc");
  assertEquals([loop.squeezes, scheduler.squeezes, waiter.polls], [3, 3, 3]);
  assertEquals(napis.map(({ counters }) => counters.squeezes), [3, 3, 3]);
});
