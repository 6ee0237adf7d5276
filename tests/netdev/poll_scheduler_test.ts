import { assertEquals, assertThrows } from "@std/assert";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { POLL_BUDGET, POLL_WEIGHT, PollScheduler } from "../../netdev/poll_scheduler.ts";
import { FakeQueue } from "./fake_queue.ts";
import { scheduled } from "./loop_fixture.ts";
import { floods, named, SchedulerFixture } from "./scheduler_fixture.ts";

Deno.test("weight and budget are Linux's", () => {
  assertEquals([POLL_WEIGHT, POLL_BUDGET], [64, 300]);
});

Deno.test("a weight is a whole number from 1 to 64", () => {
  const scheduler = new PollScheduler();
  for (const weight of [0, -1, 65, 1.5, NaN, Infinity]) {
    const error = assertThrows(() => scheduler.add(new FakeQueue(0), weight), NetdevError);
    assertEquals(error.code, "EINVAL");
    assertEquals(error.message, `weight ${weight} is no whole number from 1 to 64`);
  }
  assertEquals([1, 64].map((weight) => scheduler.add(new FakeQueue(0), weight).weight), [1, 64]);
  assertEquals(scheduler.add(new FakeQueue(0)).weight, 64);
});

Deno.test("scheduling a queue masks its interrupt, and a second time does nothing", () => {
  const queue = new FakeQueue(10);
  const scheduler = new PollScheduler();
  const napi = scheduler.add(queue);
  napi.enable();
  assertEquals([scheduler.idle, napi.scheduled], [true, false]);
  assertEquals([1, 2, 3].map(() => napi.schedule()), [true, false, false]);
  assertEquals([scheduler.idle, napi.scheduled], [false, true]);
  assertEquals(queue.disarms, 1);
  assertEquals(scheduler.round(0), 10);
  assertEquals(queue.weights, [64]);
});

Deno.test("a round without a scheduled queue handles nothing", () => {
  const scheduler = new PollScheduler();
  assertEquals(scheduler.round(0), 0);
  assertEquals([scheduler.rounds, scheduler.polls, scheduler.squeezes], [1, 0, 0]);
});

Deno.test("queues are told the time of the round", () => {
  const { scheduler, queues } = new SchedulerFixture([new FakeQueue(0)]);
  scheduler.round(17);
  scheduler.round(18);
  assertEquals(queues[0].times, [17, 18]);
});

Deno.test("a queue may handle its weight in its turn", () => {
  for (const weight of [16, 64]) {
    const queue = new FakeQueue(2 * weight + 5);
    const scheduler = new PollScheduler();
    scheduled(scheduler, queue, weight);
    assertEquals([1, 2, 3, 4].map(() => scheduler.round(0)), [weight, weight, 5, 0]);
    assertEquals(queue.weights, new Array(4).fill(weight));
  }
});

Deno.test("a queue scheduled between two rounds has its turn after the others", () => {
  const order: string[] = [];
  const queues = named(order, 0, 0, 0);
  const { scheduler } = new SchedulerFixture(queues.slice(0, 2));
  scheduler.round(0);
  scheduled(scheduler, queues[2]);
  scheduler.round(0);
  assertEquals(order.join(""), "ababc");
});

Deno.test("what is scheduled during a turn comes before the queue whose turn it is", () => {
  const order: string[] = [];
  const scheduler = new PollScheduler();
  const late = scheduler.add(new FakeQueue(0, () => order.push("late")));
  late.enable();
  scheduled(scheduler, new FakeQueue(Infinity, () => order.push("flood") === 1 && late.schedule()));
  scheduler.round(0);
  assertEquals(order, ["flood"], "it has no turn in the round in which it came");
  scheduler.round(0);
  assertEquals(order, ["flood", "late", "flood"]);
});

Deno.test("a round gives no turn after 300 packets, and the last turn is a whole one", () => {
  const fixture = new SchedulerFixture(floods(8));
  assertEquals(fixture.scheduler.round(0), 5 * 64);
  assertEquals(fixture.turns, [1, 1, 1, 1, 1, 0, 0, 0]);
});

Deno.test("the next round begins with the queue that the last one did not come to", () => {
  const order: string[] = [];
  const queues = named(order, ...new Array<number>(8).fill(Infinity));
  const { scheduler } = new SchedulerFixture(queues);
  for (let round = 0; round < 4; round++) scheduler.round(0);
  assertEquals(order.join(""), "abcde" + "fghab" + "cdefg" + "habcd");
});

Deno.test("a budget that ends before the list does is a squeeze of all that have work left", () => {
  const fixture = new SchedulerFixture([...floods(5), new FakeQueue(0), new FakeQueue(0)]);
  const { scheduler, queues } = fixture;
  scheduler.round(0);
  assertEquals([scheduler.squeezed, scheduler.late, scheduler.squeezes], [true, false, 1]);
  assertEquals(fixture.squeezes, [1, 1, 1, 1, 1, 1, 1], "two have had no turn: who knows");
  scheduler.round(0);
  assertEquals(fixture.turns, [2, 2, 2, 2, 2, 1, 1]);
  assertEquals([scheduler.squeezed, scheduler.squeezes], [false, 1], "all had a turn");
  for (const queue of queues) queue.waiting = 0;
  scheduler.round(0);
  assertEquals([scheduler.squeezed, scheduler.squeezes], [false, 1], "nothing is left");
});

Deno.test("five floods and a budget of 300: each has its turn, and none is squeezed", () => {
  const fixture = new SchedulerFixture(floods(5));
  for (let round = 0; round < 10; round++) assertEquals(fixture.scheduler.round(0), 320);
  assertEquals(fixture.handled, new Array(5).fill(640));
  assertEquals(fixture.squeezes, [0, 0, 0, 0, 0]);
});

Deno.test("a round ends when its deadline has passed, and the next begins with who is next", () => {
  const order: string[] = [];
  const fixture = new SchedulerFixture(named(order, ...new Array<number>(6).fill(1000)));
  const { clock, scheduler, queues } = fixture;
  for (const queue of queues) queue.onTurn = () => clock.time += 0.3;
  scheduler.round(0, 1);
  assertEquals(order.join(""), "abcd");
  assertEquals([scheduler.late, scheduler.squeezed, scheduler.squeezes], [true, true, 1]);
  assertEquals(fixture.squeezes, [1, 1, 1, 1, 1, 1]);
  scheduler.round(1, clock.time + 1);
  assertEquals(order.join(""), "abcd" + "efab");
  scheduler.round(2, clock.time + 100);
  assertEquals(order.join(""), "abcd" + "efab" + "cdefa");
  assertEquals([scheduler.late, scheduler.squeezes], [false, 3], "that was the budget");
});

Deno.test("the clock is read once in four slow turns, and not without a deadline", () => {
  const { clock, scheduler } = new SchedulerFixture([new FakeQueue(0), new FakeQueue(0)]);
  let reads = 0;
  clock.now = () => reads++;
  for (let round = 0; round < 8; round++) scheduler.round(0, Number.MAX_VALUE);
  assertEquals(reads, 4);
  for (let round = 0; round < 8; round++) scheduler.round(0);
  assertEquals(reads, 4);
});

Deno.test("while turns are short the clock is read once in 256 turns and packets", () => {
  const queue = new FakeQueue(0);
  const { clock, scheduler } = new SchedulerFixture([queue]);
  let reads = 0;
  clock.now = () => {
    reads++;
    return clock.time;
  };
  // The first look has none before it to go by, so the second one is early, too.
  for (let round = 0; round < 8; round++) scheduler.round(0, 1);
  assertEquals(reads, 2);
  for (let round = 0; round < 255; round++) scheduler.round(0, 1);
  assertEquals(reads, 2);
  scheduler.round(0, 1);
  assertEquals(reads, 3);
  queue.waiting = Infinity;
  for (let round = 0; round < 3; round++) scheduler.round(0, 1);
  assertEquals(reads, 3, "three times a weight of 64 packets");
  scheduler.round(0, 1);
  assertEquals(reads, 4);
  clock.time = 2;
  for (let round = 0; round < 4; round++) scheduler.round(0, 1);
  assertEquals([reads, scheduler.late], [5, true]);
  for (let round = 0; round < 4; round++) scheduler.round(0, 1);
  assertEquals(reads, 6, "as the one before took long");
});

Deno.test("a deadline that passes when all queues are dry squeezes nobody", () => {
  const fixture = new SchedulerFixture([new FakeQueue(3), new FakeQueue(0)]);
  const { clock, scheduler } = fixture;
  scheduler.round(0, 1);
  clock.time = 2;
  scheduler.round(2, 1);
  assertEquals([scheduler.late, scheduler.squeezed, scheduler.squeezes], [true, false, 0]);
  assertEquals(fixture.squeezes, [0, 0]);
});

Deno.test("a poll that says it handled more than its weight is an error, as is no number", () => {
  for (const said of [17, -1, NaN, Infinity]) {
    const scheduler = new PollScheduler();
    const other = new FakeQueue(1);
    const liar = new FakeQueue(0);
    liar.poll = () => said;
    const napi = scheduled(scheduler, liar, 16);
    scheduled(scheduler, other);
    const error = assertThrows(() => scheduler.round(0), NetdevError);
    assertEquals(error.code, "EINVAL");
    assertEquals(error.message, `a poll of weight 16 says it handled ${said}`);
    assertEquals([napi.counters.packets, napi.scheduled], [0, true]);
    napi.disable();
    assertEquals([scheduler.round(0), other.handled], [1, 1]);
  }
});

Deno.test("after a poll that throws it is still that queue's turn, and the others follow in order", () => {
  const order: string[] = [];
  const queues = named(order, 1, 100, 1);
  const { scheduler } = new SchedulerFixture(queues);
  queues[1].onTurn = () => {
    if (queues[1].weights.length === 0) throw new RangeError("bad descriptor");
  };
  assertThrows(() => scheduler.round(0), RangeError, "bad descriptor");
  queues[1].onTurn = () => {};
  scheduler.round(0);
  scheduler.round(0);
  assertEquals(order.join(""), "ab" + "bca" + "bca");
  assertEquals(queues.map(({ handled }) => handled), [1, 100, 1]);
});

Deno.test("a queue whose arm throws stays scheduled, and the others are as they were", () => {
  for (const deferral of [0, Infinity]) {
    const { scheduler, queues: [bad, good], napis } = new SchedulerFixture(
      [new FakeQueue(0), new FakeQueue(0)],
      deferral,
    );
    bad.onArm = () => {
      if (bad.arms === 1) throw new RangeError("no such vector");
    };
    const oneRound = (): void => {
      scheduler.round(0);
      scheduler.arm();
    };
    assertThrows(oneRound, RangeError, "no such vector");
    assertEquals(napis.map((napi) => napi.scheduled), [true, true]);
    oneRound();
    assertEquals([scheduler.idle, bad.armed, good.armed], [true, true, true]);
  }
});
