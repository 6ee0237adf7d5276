import { assertEquals } from "@std/assert";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { FakeQueue } from "./fake_queue.ts";
import { scheduled } from "./loop_fixture.ts";
import { named, SchedulerFixture } from "./scheduler_fixture.ts";

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
    const { scheduler, napis } = new SchedulerFixture(named(order, 0, 0, 0, 0));
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
  const { scheduler, napis } = new SchedulerFixture(named(order, 0, 0, 0));
  napis[0].disable();
  napis[0].enable();
  napis[0].schedule();
  assertEquals([scheduler.arm(), order.length], [false, 0], "none has had a turn");
  scheduler.round(0);
  assertEquals(order.join(""), "bca");
});

Deno.test("disabling the only queue leaves a list that takes others", () => {
  const { scheduler, napis: [napi] } = new SchedulerFixture([new FakeQueue(1)]);
  napi.disable();
  assertEquals([scheduler.idle, scheduler.round(0), scheduler.arm()], [true, 0, true]);
  scheduled(scheduler, new FakeQueue(2));
  assertEquals(scheduler.round(0), 2);
});

Deno.test("a queue that is disabled in its own poll is off the list, and not armed", () => {
  for (const waiting of [3, 64]) {
    const queue = new FakeQueue(waiting, () => napi.disable());
    const { scheduler, napis } = new SchedulerFixture([queue], 0);
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
    const { scheduler, queues: [queue, flood], napis: [napi] } = new SchedulerFixture(
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
  const { scheduler, napis } = new SchedulerFixture([a, b, c]);
  assertEquals([scheduler.round(0), scheduler.round(0)], [128, 128]);
  assertEquals(order.join(""), "acac");
});
