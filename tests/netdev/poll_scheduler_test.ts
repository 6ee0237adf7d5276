import { assertEquals, assertThrows } from "@std/assert";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { POLL_BUDGET, POLL_WEIGHT, PollScheduler } from "../../netdev/poll_scheduler.ts";
import type { Napi } from "../../netdev/polled_queue.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeQueue } from "./fake_queue.ts";
import { scheduled } from "./loop_fixture.ts";

/** A scheduler with these queues on its list. */
class Fixture {
  readonly clock = new FakeClock(0, 0);
  readonly scheduler: PollScheduler;
  readonly queues: readonly FakeQueue[];
  readonly napis: readonly Napi[];

  constructor(queues: readonly FakeQueue[], deferral?: number) {
    const { clock } = this;
    const options = deferral === undefined ? { clock } : { clock, deferral };
    this.scheduler = new PollScheduler(options);
    this.queues = queues;
    this.napis = queues.map((queue) => scheduled(this.scheduler, queue));
  }

  get handled(): number[] {
    return this.queues.map(({ handled }) => handled);
  }

  get turns(): number[] {
    return this.queues.map(({ weights }) => weights.length);
  }

  get armed(): boolean[] {
    return this.queues.map(({ armed }) => armed);
  }

  get squeezes(): number[] {
    return this.napis.map(({ counters }) => counters.squeezes);
  }
}

function floods(count: number): FakeQueue[] {
  return Array.from({ length: count }, () => new FakeQueue(Infinity));
}

/** Queues that write their name into `order` at each turn. */
function named(order: string[], ...waiting: readonly number[]): FakeQueue[] {
  return waiting.map((packets, i) => new FakeQueue(packets, () => order.push("abcdefgh"[i])));
}

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
  const { scheduler, queues } = new Fixture([new FakeQueue(0)]);
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
  const { scheduler } = new Fixture(queues.slice(0, 2));
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
  const fixture = new Fixture(floods(8));
  assertEquals(fixture.scheduler.round(0), 5 * 64);
  assertEquals(fixture.turns, [1, 1, 1, 1, 1, 0, 0, 0]);
});

Deno.test("the next round begins with the queue that the last one did not come to", () => {
  const order: string[] = [];
  const queues = named(order, ...new Array<number>(8).fill(Infinity));
  const { scheduler } = new Fixture(queues);
  for (let round = 0; round < 4; round++) scheduler.round(0);
  assertEquals(order.join(""), "abcde" + "fghab" + "cdefg" + "habcd");
});

Deno.test("a budget that ends before the list does is a squeeze of all that have work left", () => {
  const fixture = new Fixture([...floods(5), new FakeQueue(0), new FakeQueue(0)]);
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
  const fixture = new Fixture(floods(5));
  for (let round = 0; round < 10; round++) assertEquals(fixture.scheduler.round(0), 320);
  assertEquals(fixture.handled, new Array(5).fill(640));
  assertEquals(fixture.squeezes, [0, 0, 0, 0, 0]);
});

Deno.test("a round ends when its deadline has passed, and the next begins with who is next", () => {
  const order: string[] = [];
  const fixture = new Fixture(named(order, ...new Array<number>(6).fill(1000)));
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
  const { clock, scheduler } = new Fixture([new FakeQueue(0), new FakeQueue(0)]);
  let reads = 0;
  clock.now = () => reads++;
  for (let round = 0; round < 8; round++) scheduler.round(0, Number.MAX_VALUE);
  assertEquals(reads, 4);
  for (let round = 0; round < 8; round++) scheduler.round(0);
  assertEquals(reads, 4);
});

Deno.test("while turns are short the clock is read once in 256 turns and packets", () => {
  const queue = new FakeQueue(0);
  const { clock, scheduler } = new Fixture([queue]);
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
  const fixture = new Fixture([new FakeQueue(3), new FakeQueue(0)]);
  const { clock, scheduler } = fixture;
  scheduler.round(0, 1);
  clock.time = 2;
  scheduler.round(2, 1);
  assertEquals([scheduler.late, scheduler.squeezed, scheduler.squeezes], [true, false, 0]);
  assertEquals(fixture.squeezes, [0, 0]);
});

Deno.test("classic: a queue that used less than its weight is armed at once", () => {
  const fixture = new Fixture([new FakeQueue(10), new FakeQueue(64), new FakeQueue(0)], 0);
  const { scheduler, napis } = fixture;
  assertEquals(scheduler.round(0), 74);
  assertEquals(fixture.armed, [true, false, true]);
  assertEquals(napis.map((napi) => napi.scheduled), [false, true, false]);
  assertEquals(scheduler.round(0), 0);
  assertEquals(fixture.turns, [1, 2, 1]);
  assertEquals([scheduler.idle, ...fixture.armed], [true, true, true, true]);
});

Deno.test("classic: a packet between poll and arming is found by the look after arming", () => {
  const order: string[] = [];
  const fixture = new Fixture(named(order, 0, 0, Infinity), 0);
  const { scheduler, queues: [quiet], napis } = fixture;
  quiet.onArm = () => {
    if (quiet.arms === 1) quiet.waiting = 1;
  };
  assertEquals(scheduler.round(0), 64);
  assertEquals([napis[0].scheduled, quiet.disarms], [true, 1], "its interrupt stayed off");
  assertEquals(scheduler.round(0), 65);
  assertEquals(order.join(""), "abcac", "back at the end of the list, ahead of c's next turn");
  const { polls, completes, missedInterrupts } = napis[0].counters;
  assertEquals({ polls, completes, missedInterrupts }, {
    polls: 2,
    completes: 1,
    missedInterrupts: 1,
  });
});

Deno.test("deferred: a dry queue has so many more turns before it is armed", () => {
  for (const deferral of [1, 5]) {
    const { scheduler, queues: [queue], napis: [napi] } = new Fixture([new FakeQueue(3)], deferral);
    for (let turn = 0; turn < deferral; turn++) scheduler.round(0);
    assertEquals([queue.arms, napi.scheduled], [0, true]);
    // A packet has the count begin anew.
    queue.waiting = 1;
    for (let turn = 0; turn < deferral; turn++) scheduler.round(0);
    assertEquals([queue.arms, napi.scheduled], [0, true]);
    scheduler.round(0);
    assertEquals([queue.arms, napi.scheduled], [1, false]);
    assertEquals([queue.handled, napi.counters.polls], [4, 2 * deferral + 1]);
  }
});

Deno.test("deferred: the count begins anew with each interrupt", () => {
  const { scheduler, queues: [queue], napis: [napi] } = new Fixture([new FakeQueue(0)], 2);
  for (const arms of [1, 2, 3]) {
    for (let turn = 0; turn < 3; turn++) {
      assertEquals(queue.arms, arms - 1);
      scheduler.round(0);
    }
    assertEquals([queue.arms, napi.schedule()], [arms, true]);
  }
});

Deno.test("by default a dry queue keeps its place in the round until it is told to arm", () => {
  const fixture = new Fixture([new FakeQueue(0), new FakeQueue(5)]);
  const { scheduler, queues } = fixture;
  for (let round = 0; round < 1000; round++) scheduler.round(0);
  queues[0].waiting = 3;
  assertEquals(scheduler.round(0), 3);
  assertEquals(fixture.handled, [3, 5]);
  assertEquals(fixture.armed, [false, false]);
  assertEquals(scheduler.arm(), true);
  assertEquals([scheduler.idle, ...fixture.armed], [true, true, true]);
  scheduler.round(0);
  assertEquals(fixture.turns, [1001, 1001]);
});

Deno.test("told to arm, a queue that has packets after all stays scheduled", () => {
  const fixture = new Fixture([0, 0, 0, 0].map((none) => new FakeQueue(none)));
  const { scheduler, queues } = fixture;
  scheduler.round(0);
  queues[1].waiting = 2;
  queues[3].waiting = 1;
  assertEquals([scheduler.arm(), scheduler.arm()], [false, false]);
  assertEquals(scheduler.idle, false);
  assertEquals(fixture.armed, [true, false, true, false]);
  assertEquals(queues.map(({ arms }) => arms), [1, 1, 1, 1], "each was asked once");
  assertEquals(scheduler.round(0), 3);
  assertEquals(fixture.turns, [1, 2, 1, 2]);
  assertEquals(scheduler.arm(), true);
});

Deno.test("told to arm, a queue with work, or without a turn yet, stays scheduled", () => {
  const { scheduler, queues } = new Fixture([new FakeQueue(0)]);
  scheduler.round(0);
  queues[0].waiting = 100;
  scheduler.round(0);
  const fresh = new FakeQueue(0);
  scheduled(scheduler, fresh);
  assertEquals(scheduler.arm(), false);
  assertEquals([queues[0].arms, fresh.arms], [0, 0]);
  scheduler.round(0);
  assertEquals(scheduler.arm(), true);
  assertEquals([queues[0].arms, fresh.arms], [1, 1]);
});

Deno.test("a dry queue that is scheduled while it's on the list is polled before it is armed", () => {
  const { scheduler, queues: [queue], napis: [napi] } = new Fixture([new FakeQueue(0)]);
  scheduler.round(0);
  assertEquals([napi.schedule(), scheduler.arm(), queue.arms], [false, false, 0]);
  scheduler.round(0);
  assertEquals([scheduler.arm(), queue.arms, queue.disarms], [true, 1, 1]);
});

Deno.test("nothing to arm counts as armed", () => {
  assertEquals(new PollScheduler().arm(), true);
});

Deno.test("an armed queue is scheduled again by its interrupt, and masked again", () => {
  const { scheduler, queues: [queue], napis: [napi] } = new Fixture([new FakeQueue(0)], 0);
  scheduler.round(0);
  queue.waiting = 4;
  assertEquals(napi.schedule(), true);
  assertEquals([queue.armed, queue.disarms], [false, 2]);
  assertEquals(scheduler.round(0), 4);
  assertEquals(napi.counters, {
    schedules: 2,
    polls: 2,
    packets: 4,
    completes: 2,
    missedInterrupts: 0,
    squeezes: 0,
  });
});

Deno.test("a schedule from inside a queue's own poll gives it one more turn, not two", () => {
  const answers: boolean[] = [];
  const queue: FakeQueue = new FakeQueue(1, () => {
    if (queue.weights.length === 0) answers.push(napi.schedule(), napi.schedule());
  });
  const { scheduler, napis } = new Fixture([queue], 0);
  const napi = napis[0];
  assertEquals([1, 2, 3].map(() => scheduler.round(0)), [1, 0, 0]);
  assertEquals(answers, [false, false]);
  assertEquals([queue.weights.length, queue.arms, queue.disarms], [2, 1, 1]);
});

Deno.test("a schedule from inside a queue's own arm is not lost, and masks it again", () => {
  for (const deferral of [0, Infinity]) {
    const { scheduler, queues: [queue], napis: [napi] } = new Fixture([new FakeQueue(0)], deferral);
    queue.onArm = () => {
      if (queue.arms === 1) napi.schedule();
    };
    scheduler.round(0);
    scheduler.arm();
    assertEquals([napi.scheduled, queue.armed, queue.arms], [true, false, 1]);
    assertEquals(scheduler.arm(), false, "it has had no turn since");
    scheduler.round(0);
    assertEquals(scheduler.arm(), true);
    assertEquals([queue.arms, queue.armed, napi.counters.missedInterrupts], [2, true, 1]);
  }
});

Deno.test("a new place is disabled: nothing schedules it", () => {
  const scheduler = new PollScheduler();
  const queue = new FakeQueue(1);
  const napi = scheduler.add(queue);
  assertEquals([napi.enabled, napi.schedule(), scheduler.idle], [false, false, true]);
  assertEquals(queue.disarms, 0);
  napi.enable();
  napi.enable();
  assertEquals([napi.enabled, scheduler.idle], [true, true]);
  assertEquals([napi.schedule(), scheduler.round(0)], [true, 1]);
});

Deno.test("disabling takes a queue out of the list, wherever it stands", () => {
  for (const away of [0, 1, 2, 3]) {
    const order: string[] = [];
    const { scheduler, napis } = new Fixture(named(order, 0, 0, 0, 0));
    napis[away].disable();
    napis[away].disable();
    assertEquals([napis[away].scheduled, napis[away].schedule()], [false, false]);
    scheduler.round(0);
    assertEquals(order.join(""), "abcd".replace("abcd"[away], ""));
    napis[away].enable();
    napis[away].schedule();
    scheduler.round(0);
    const rest = "abcd".replace("abcd"[away], "");
    assertEquals(order.join(""), rest + rest + "abcd"[away]);
    assertEquals([scheduler.arm(), scheduler.idle], [true, true]);
  }
});

Deno.test("a queue that comes back from the front of the list is the last of it", () => {
  const order: string[] = [];
  const { scheduler, napis } = new Fixture(named(order, 0, 0, 0));
  napis[0].disable();
  napis[0].enable();
  napis[0].schedule();
  assertEquals([scheduler.arm(), order.length], [false, 0], "none has had a turn");
  scheduler.round(0);
  assertEquals(order.join(""), "bca");
});

Deno.test("disabling the only queue leaves a list that takes others", () => {
  const { scheduler, napis: [napi] } = new Fixture([new FakeQueue(1)]);
  napi.disable();
  assertEquals([scheduler.idle, scheduler.round(0), scheduler.arm()], [true, 0, true]);
  scheduled(scheduler, new FakeQueue(2));
  assertEquals(scheduler.round(0), 2);
});

Deno.test("a queue that is disabled in its own poll is off the list, and not armed", () => {
  for (const waiting of [3, 64]) {
    const queue = new FakeQueue(waiting, () => napi.disable());
    const { scheduler, napis } = new Fixture([queue], 0);
    const napi = napis[0];
    assertEquals(scheduler.round(0), waiting);
    assertEquals([scheduler.idle, napi.scheduled, queue.arms], [true, false, 0]);
    queue.onPoll = () => {};
    queue.waiting = 5;
    napi.enable();
    assertEquals([napi.schedule(), scheduler.round(0)], [true, 5]);
  }
});

Deno.test("a queue that is disabled in its own arm is off the list, packets or none", () => {
  for (const waiting of [0, 5]) {
    const { scheduler, queues: [queue, flood], napis: [napi] } = new Fixture(
      [new FakeQueue(0), new FakeQueue(Infinity)],
      0,
    );
    queue.onArm = () => {
      queue.waiting = waiting;
      napi.disable();
    };
    for (let round = 1; round <= 3; round++) assertEquals(scheduler.round(0), 64);
    assertEquals([napi.scheduled, queue.arms, flood.weights.length], [false, 1, 3]);
    napi.enable();
    assertEquals([napi.schedule(), scheduler.round(0)], [true, 64 + waiting]);
  }
});

Deno.test("one queue's poll may disable another one, which then has no turn in that round", () => {
  const order: string[] = [];
  const [a, b, c] = named(order, Infinity, Infinity, Infinity);
  a.onTurn = () => napis[1].disable();
  const { scheduler, napis } = new Fixture([a, b, c]);
  assertEquals([scheduler.round(0), scheduler.round(0)], [128, 128]);
  assertEquals(order.join(""), "acac");
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
  const { scheduler } = new Fixture(queues);
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
    const { scheduler, queues: [bad, good], napis } = new Fixture(
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
