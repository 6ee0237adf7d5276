import { assertEquals } from "@std/assert";
import { POLL_BUDGET, POLL_WEIGHT, PollScheduler } from "../../netdev/poll_scheduler.ts";
import { FakeQueue } from "./fake_queue.ts";

function scheduled(queues: readonly FakeQueue[]): PollScheduler {
  const scheduler = new PollScheduler();
  for (const queue of queues) scheduler.schedule(queue);
  return scheduler;
}

function handled(queues: readonly FakeQueue[]): number[] {
  return queues.map((queue) => queue.handled);
}

Deno.test("weight and budget are Linux's", () => {
  assertEquals([POLL_WEIGHT, POLL_BUDGET], [64, 300]);
});

Deno.test("scheduling a queue disarms it, and a second time does nothing", () => {
  const queue = new FakeQueue(10);
  const scheduler = new PollScheduler();
  assertEquals(scheduler.idle, true);
  for (let i = 0; i < 3; i++) scheduler.schedule(queue);
  assertEquals(scheduler.idle, false);
  assertEquals(queue.disarms, 1);
  assertEquals(scheduler.round(0), 10);
  assertEquals(queue.weights, [64]);
});

Deno.test("a round without a scheduled queue handles nothing", () => {
  const scheduler = new PollScheduler();
  assertEquals(scheduler.round(0), 0);
  assertEquals([scheduler.rounds, scheduler.polls], [1, 0]);
});

Deno.test("a queue may handle 64 packets in its turn", () => {
  const queue = new FakeQueue(150);
  const scheduler = scheduled([queue]);
  assertEquals([1, 2, 3, 4].map(() => scheduler.round(0)), [64, 64, 22, 0]);
  assertEquals(queue.weights, [64, 64, 64, 64]);
});

Deno.test("queues are told the time of the round", () => {
  const queue = new FakeQueue(0);
  const scheduler = scheduled([queue]);
  scheduler.round(17);
  scheduler.round(18);
  assertEquals(queue.times, [17, 18]);
});

Deno.test("a quiet queue has its turn in each round beside a flooding one", () => {
  const flooding = new FakeQueue(Infinity);
  const quiet = new FakeQueue(0);
  const scheduler = scheduled([flooding, quiet]);
  for (let round = 1; round <= 10; round++) {
    quiet.waiting++;
    assertEquals(scheduler.round(0), 65);
    assertEquals(handled([flooding, quiet]), [64 * round, round]);
  }
  assertEquals([scheduler.rounds, scheduler.polls], [10, 20]);
});

Deno.test("a queue without work keeps its place in the round", () => {
  const queues = [new FakeQueue(0), new FakeQueue(5)];
  const scheduler = scheduled(queues);
  scheduler.round(0);
  queues[0].waiting = 3;
  assertEquals(scheduler.round(0), 3);
  assertEquals(handled(queues), [3, 5]);
});

Deno.test("a round ends with its budget of 300, and the last queue has what is left of it", () => {
  const queues = Array.from({ length: 8 }, () => new FakeQueue(Infinity));
  const scheduler = scheduled(queues);
  assertEquals(scheduler.round(0), 300);
  assertEquals(handled(queues), [64, 64, 64, 64, 44, 0, 0, 0]);
  assertEquals(queues[4].weights, [44]);
});

Deno.test("the next round begins with the queue that the last one did not come to", () => {
  const queues = Array.from({ length: 8 }, () => new FakeQueue(Infinity));
  const scheduler = scheduled(queues);
  scheduler.round(0);
  assertEquals(scheduler.round(0), 300);
  assertEquals(handled(queues), [128, 108, 64, 64, 44, 64, 64, 64]);
});

Deno.test("over many rounds no flooding queue gets more than one turn ahead of another", () => {
  const queues = Array.from({ length: 7 }, () => new FakeQueue(Infinity));
  const scheduler = scheduled(queues);
  for (let round = 1; round <= 70; round++) {
    assertEquals(scheduler.round(0), 300);
    const turns = queues.map(({ weights }) => weights.length);
    assertEquals(Math.max(...turns) - Math.min(...turns) <= 1, true, `round ${round}: ${turns}`);
  }
  // Five turns a round, ten times around: each queue was the one with the rest of the budget too.
  assertEquals(handled(queues), new Array(7).fill(3000));
});

Deno.test("a queue scheduled between two rounds has its turn after the others", () => {
  const order: string[] = [];
  const [a, b, late] = ["a", "b", "late"].map((name) => new FakeQueue(0, () => order.push(name)));
  const scheduler = scheduled([a, b]);
  scheduler.round(0);
  scheduler.schedule(late);
  scheduler.round(0);
  assertEquals(order, ["a", "b", "a", "b", "late"]);
});

Deno.test("when all queues can be armed, none is scheduled any more", () => {
  const queues = [new FakeQueue(0), new FakeQueue(0)];
  const scheduler = scheduled(queues);
  assertEquals(scheduler.arm(), true);
  assertEquals(scheduler.idle, true);
  assertEquals(queues.map(({ armed }) => armed), [true, true]);
  scheduler.round(0);
  assertEquals(queues.map(({ weights }) => weights.length), [0, 0]);
});

Deno.test("a queue that cannot be armed stays scheduled, the others do not", () => {
  const queues = [new FakeQueue(0), new FakeQueue(2), new FakeQueue(0), new FakeQueue(1)];
  const scheduler = scheduled(queues);
  assertEquals(scheduler.arm(), false);
  assertEquals(scheduler.idle, false);
  assertEquals(queues.map(({ armed }) => armed), [true, false, true, false]);
  assertEquals(scheduler.round(0), 3);
  assertEquals(queues.map(({ weights }) => weights.length), [0, 1, 0, 1]);
  assertEquals(scheduler.arm(), true);
});

Deno.test("each queue is asked once to be armed", () => {
  const queues = [new FakeQueue(1), new FakeQueue(0), new FakeQueue(1)];
  scheduled(queues).arm();
  assertEquals(queues.map(({ arms }) => arms), [1, 1, 1]);
});

Deno.test("an armed queue is scheduled again by its interrupt, and masked again", () => {
  const queue = new FakeQueue(0);
  const scheduler = scheduled([queue]);
  scheduler.arm();
  queue.waiting = 4;
  scheduler.schedule(queue);
  assertEquals(queue.armed, false);
  assertEquals(queue.disarms, 2);
  assertEquals(scheduler.round(0), 4);
});

Deno.test("nothing to arm counts as armed", () => {
  assertEquals(new PollScheduler().arm(), true);
});
