import { assertEquals, assertThrows } from "@std/assert";
import { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import { socketPair, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { IrqLines } from "../../../../drivers/pci/qemu/irq_lines.ts";
import { QtestClient } from "../../../../drivers/pci/qemu/qtest_client.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";

/** Lines whose QEMU is the test. */
class Lines implements Disposable {
  readonly waiter = new FdWaiter(monotonicClock);
  readonly qtest: QtestClient;
  readonly irqs: IrqLines;
  readonly #near: UnixSocket;
  readonly #far: UnixSocket;

  constructor() {
    [this.#near, this.#far] = socketPair();
    this.qtest = new QtestClient(this.#near);
    this.irqs = new IrqLines(this.qtest, this.#near.fd, this.waiter);
    this.say("OK");
    this.irqs.start();
    // Watching a descriptor ends the next sleep.
    this.waiter.poll();
  }

  say(...lines: readonly string[]): void {
    this.#far.send(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  }

  hangUp(): void {
    this.#far[Symbol.dispose]();
  }

  /** Connects a handler that writes its name down and then does `serve`. */
  member(input: number, name: string, calls: string[], serve: () => boolean | void): () => void {
    const line = this.irqs.line(input);
    line.connect(() => {
      calls.push(name);
      return serve();
    });
    return () => line.disconnect();
  }

  [Symbol.dispose](): void {
    this.irqs[Symbol.dispose]();
    this.#near[Symbol.dispose]();
    this.#far[Symbol.dispose]();
    this.waiter[Symbol.dispose]();
  }
}

Deno.test("a line that is raised while the loop sleeps wakes it, and calls the handler", async () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(11, "card", calls, () => {
    lines.say("IRQ lower 11");
    lines.qtest.drain();
    return true;
  });
  const sleep = lines.waiter.sleep(monotonicClock.now() + 30_000);
  lines.say("IRQ raise 11");
  const start = monotonicClock.now();
  await sleep;
  assertEquals(calls, ["card"]);
  assertEquals(monotonicClock.now() - start < 20_000, true, "it was woken, not timed out");
});

Deno.test("what is told in the middle of a register access is delivered by the waiter, later", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(10, "card", calls, () => {
    lines.say("IRQ lower 10");
    lines.qtest.drain();
    return true;
  });
  lines.say("IRQ raise 10", "OK 0x5");
  assertEquals(lines.qtest.read(0, 4), 5);
  assertEquals(calls, []);
  lines.waiter.poll();
  assertEquals(calls, ["card"]);
  lines.waiter.poll();
  assertEquals(calls, ["card"]);
});

Deno.test("all who share a line are asked, until it's low", () => {
  using lines = new Lines();
  const calls: string[] = [];
  let [first, second] = [1, 2];
  const lowerWhenDone = () => {
    if (first > 0 || second > 0) return;
    lines.say("IRQ lower 5");
    lines.qtest.drain();
  };
  lines.member(5, "first", calls, () => {
    const mine = first > 0;
    if (mine) first--;
    lowerWhenDone();
    return mine;
  });
  lines.member(5, "second", calls, () => {
    const mine = second > 0;
    if (mine) second--;
    lowerWhenDone();
    return mine;
  });
  lines.member(7, "other line", calls, () => true);
  lines.say("IRQ raise 5");
  lines.waiter.poll();
  assertEquals(calls, ["first", "second", "first", "second"]);
  assertEquals(lines.irqs.unclaimed, 0);
});

Deno.test("a line that nobody answers for is counted, and left alone until it was low", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(5, "card", calls, () => false);
  lines.member(5, "silent", calls, () => {});
  lines.say("IRQ raise 5");
  for (let i = 0; i < 5; i++) lines.waiter.poll();
  assertEquals([calls.length, lines.irqs.unclaimed], [2, 1]);
  lines.say("IRQ lower 5", "IRQ raise 5");
  for (let i = 0; i < 5; i++) lines.waiter.poll();
  assertEquals([calls.length, lines.irqs.unclaimed], [4, 2]);
});

Deno.test("a line that went down and up again since a handler denied it is asked about again", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(5, "card", calls, () => {
    const first = calls.length === 1;
    lines.say("IRQ lower 5");
    // The device interrupts anew, behind the register access that found nothing.
    if (first) lines.say("IRQ raise 5");
    lines.qtest.drain();
    return !first;
  });
  lines.say("IRQ raise 5");
  lines.waiter.poll();
  assertEquals([calls.length, lines.irqs.unclaimed], [2, 0]);
});

Deno.test("a line that stays up however often it's answered for holds up nothing else", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(5, "eager", calls, () => true);
  lines.say("IRQ raise 5");
  lines.waiter.poll();
  const first = calls.length;
  assertEquals(first > 1 && first < 100, true, `${first} times in a row`);
  lines.waiter.poll();
  assertEquals(calls.length, 2 * first, "it's served again when the others had their turn");
  lines.say("IRQ lower 5");
  // It's served once more at most: for the event that was under way.
  lines.waiter.poll();
  lines.waiter.poll();
  const last = calls.length;
  lines.waiter.poll();
  assertEquals(calls.length, last);
});

Deno.test("the acknowledgement that is still under way is waited for before anyone is asked again", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.member(5, "card", calls, () => {
    lines.qtest.postWrite(1, 1, 4);
    lines.say("IRQ lower 5", "OK");
    return true;
  });
  lines.say("IRQ raise 5");
  lines.waiter.poll();
  lines.waiter.poll();
  assertEquals(calls, ["card"]);
});

Deno.test("who connects to a line that is up is asked; who disconnects isn't any more", () => {
  using lines = new Lines();
  const calls: string[] = [];
  lines.say("IRQ raise 5");
  lines.waiter.poll();
  const disconnect = lines.member(5, "late", calls, () => false);
  lines.waiter.poll();
  assertEquals(calls, ["late"]);
  disconnect();
  disconnect();
  lines.say("IRQ lower 5", "IRQ raise 5");
  lines.waiter.poll();
  assertEquals(calls, ["late"]);
});

Deno.test("a handler may disconnect itself and others while it's asked", () => {
  using lines = new Lines();
  const calls: string[] = [];
  const leave: (() => void)[] = [];
  leave.push(lines.member(5, "first", calls, () => {
    for (const disconnect of leave) disconnect();
    return true;
  }));
  leave.push(lines.member(5, "second", calls, () => true));
  lines.say("IRQ raise 5");
  for (let i = 0; i < 3; i++) lines.waiter.poll();
  assertEquals(calls, ["first"]);
});

Deno.test("what a handler throws comes out of the waiter, unless it found QEMU gone", () => {
  using lines = new Lines();
  lines.member(5, "card", [], () => {
    throw new Error("it smokes");
  });
  lines.say("IRQ raise 5");
  assertThrows(() => lines.waiter.poll(), Error, "it smokes");

  using gone = new Lines();
  const calls: string[] = [];
  gone.member(5, "card", calls, () => {
    gone.hangUp();
    gone.qtest.read(0, 4);
  });
  gone.say("IRQ raise 5");
  gone.waiter.poll();
  assertEquals([calls, gone.qtest.closed], [["card"], true]);
});

Deno.test("the waiter outlives lines that were closed, and those whose QEMU had gone before", async () => {
  for (const gone of [false, true]) {
    using waiter = new FdWaiter(monotonicClock);
    const [near, far] = socketPair();
    using _ = near;
    const qtest = new QtestClient(near);
    const irqs = new IrqLines(qtest, near.fd, waiter);
    far.send(new TextEncoder().encode("OK\n"));
    irqs.start();
    waiter.poll();
    if (gone) far[Symbol.dispose]();
    waiter.poll();
    irqs[Symbol.dispose]();
    const start = monotonicClock.now();
    await waiter.sleep(start + 1); // Taking descriptors out ends one sleep.
    await waiter.sleep(start + 50);
    assertEquals(monotonicClock.now() - start >= 49, true, "nothing ends a sleep any more");
    far[Symbol.dispose]();
  }
});

Deno.test("inputs that the controller doesn't have, and QEMU's end, do no harm", async () => {
  using lines = new Lines();
  lines.say("IRQ raise 24", "IRQ raise 400000");
  lines.waiter.poll();
  lines.hangUp();
  lines.waiter.poll();
  assertEquals(lines.qtest.closed, true);
  const start = monotonicClock.now();
  await lines.waiter.sleep(start + 1); // Taking the descriptor out ends one sleep.
  await lines.waiter.sleep(start + 50);
  assertEquals(monotonicClock.now() - start >= 49, true, "nothing ends a sleep any more");
});
