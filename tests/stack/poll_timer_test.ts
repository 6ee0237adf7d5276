import { assertEquals } from "@std/assert";
import { PollTimer } from "../../stack/poll_timer.ts";

/** When looks are due from `from` to `to`, each time that one is asked for being the one due. */
function looks(
  timer: PollTimer,
  from: number,
  to: number,
  packets: (now: number) => number,
): number[] {
  const times: number[] = [];
  for (let now = from; now <= to; now = timer.next) {
    if (timer.isDue(now, packets(now))) times.push(now);
  }
  return times;
}

/** The times between them, each once, in the order in which they came. */
function steps(times: readonly number[]): number[] {
  return [...new Set(times.slice(1).map((time, i) => time - times[i]))];
}

Deno.test("a look is due each millisecond at first, and each ten after two seconds without a packet", () => {
  const times = looks(new PollTimer(), 5000, 9000, () => 0);
  assertEquals(steps(times), [1, 10]);
  assertEquals(times.filter((time) => time <= 7000).length, 2001);
});

Deno.test("it is due no more often than that, however often it's asked", () => {
  const timer = new PollTimer();
  assertEquals([0, 0, 0, 1, 1].map((now) => timer.isDue(now, 0)), [
    true,
    false,
    false,
    true,
    false,
  ]);
  assertEquals(timer.next, 2);
});

Deno.test("a packet in a silence ends it for two seconds", () => {
  const timer = new PollTimer();
  looks(timer, 0, 3000, () => 0);
  const last = timer.next;
  assertEquals([timer.isDue(last, 0), timer.next], [true, last + 10]);
  assertEquals([timer.isDue(last, 1), timer.next], [false, last + 1]);
  assertEquals(steps(looks(timer, last + 1, last + 2000, () => 1)), [1]);
  assertEquals(steps(looks(timer, timer.next, last + 4000, () => 1)), [10]);
});

Deno.test("a packet each second leaves no silence, one each three does", () => {
  const every = (interval: number) => (now: number): number => Math.floor(now / interval);
  assertEquals(steps(looks(new PollTimer(), 0, 20_000, every(1000))), [1]);
  assertEquals(steps(looks(new PollTimer(), 0, 20_000, every(3000))), [1, 10]);
});

Deno.test("stirred, it's as lively as after a packet", () => {
  const timer = new PollTimer();
  looks(timer, 0, 3000, () => 0);
  const now = timer.next - 5;
  assertEquals([timer.isDue(now, 0), timer.next], [false, now + 5]);
  timer.stir();
  assertEquals([timer.isDue(now, 0), timer.next], [false, now + 1]);
  assertEquals(steps(looks(timer, now + 1, now + 1999, () => 0)), [1]);
});
