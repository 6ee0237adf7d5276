import { assertEquals } from "@std/assert";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { FakeQueue } from "./fake_queue.ts";
import { scheduled } from "./loop_fixture.ts";
import { named, SchedulerFixture } from "./scheduler_fixture.ts";

Deno.test("classic: a queue that used less than its weight is armed at once", () => {
  const fixture = new SchedulerFixture([new FakeQueue(10), new FakeQueue(64), new FakeQueue(0)], 0);
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
  const fixture = new SchedulerFixture(named(order, 0, 0, Infinity), 0);
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
    const { scheduler, queues: [queue], napis: [napi] } = new SchedulerFixture(
      [new FakeQueue(3)],
      deferral,
    );
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
  const { scheduler, queues: [queue], napis: [napi] } = new SchedulerFixture([new FakeQueue(0)], 2);
  for (const arms of [1, 2, 3]) {
    for (let turn = 0; turn < 3; turn++) {
      assertEquals(queue.arms, arms - 1);
      scheduler.round(0);
    }
    assertEquals([queue.arms, napi.schedule()], [arms, true]);
  }
});

Deno.test("by default a dry queue keeps its place in the round until it is told to arm", () => {
  const fixture = new SchedulerFixture([new FakeQueue(0), new FakeQueue(5)]);
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
  const fixture = new SchedulerFixture([0, 0, 0, 0].map((none) => new FakeQueue(none)));
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
  const { scheduler, queues } = new SchedulerFixture([new FakeQueue(0)]);
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
  const { scheduler, queues: [queue], napis: [napi] } = new SchedulerFixture([new FakeQueue(0)]);
  scheduler.round(0);
  assertEquals([napi.schedule(), scheduler.arm(), queue.arms], [false, false, 0]);
  scheduler.round(0);
  assertEquals([scheduler.arm(), queue.arms, queue.disarms], [true, 1, 1]);
});

Deno.test("nothing to arm counts as armed", () => {
  assertEquals(new PollScheduler().arm(), true);
});

Deno.test("an armed queue is scheduled again by its interrupt, and masked again", () => {
  const { scheduler, queues: [queue], napis: [napi] } = new SchedulerFixture([new FakeQueue(0)], 0);
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
  const { scheduler, napis } = new SchedulerFixture([queue], 0);
  const napi = napis[0];
  assertEquals([1, 2, 3].map(() => scheduler.round(0)), [1, 0, 0]);
  assertEquals(answers, [false, false]);
  assertEquals([queue.weights.length, queue.arms, queue.disarms], [2, 1, 1]);
});

Deno.test("a schedule from inside a queue's own arm is not lost, and masks it again", () => {
  for (const deferral of [0, Infinity]) {
    const { scheduler, queues: [queue], napis: [napi] } = new SchedulerFixture(
      [new FakeQueue(0)],
      deferral,
    );
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
