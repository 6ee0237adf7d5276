import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { Eventfd } from "../../../drivers/ffi/eventfd.ts";
import { FdWaiter, POLLIN, POLLOUT, ReadyProbe } from "../../../drivers/ffi/fd_waiter.ts";
import { monotonicClock } from "../../../netdev/clock.ts";

Deno.test("sleep() ends when a descriptor is ready, and runs its handler once", async () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => {
    calls++;
    assert(event.drain());
  });
  const sleep = waiter.sleep(Infinity);
  event.signal();
  await sleep;
  await settle(waiter);
  assertEquals(calls, 1);
});

Deno.test("sleep() leaves Deno's event loop free", async () => {
  using waiter = new FdWaiter(monotonicClock);
  await settle(waiter);
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks === 5) waiter.wake();
  }, 1);
  await waiter.sleep(monotonicClock.now() + 30_000);
  clearInterval(timer);
  assertGreaterOrEqual(ticks, 5);
});

Deno.test("turn() runs handlers, and gives timers and signals their turn without waiting", async () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  const heard = { event: 0, timer: 0, signal: 0 };
  waiter.add(event.fd, () => {
    if (event.drain()) heard.event++;
  });
  const onSignal = (): void => void heard.signal++;
  Deno.addSignalListener("SIGUSR2", onSignal);
  const timer = setTimeout(() => heard.timer++, 1);
  event.signal();
  Deno.kill(Deno.pid, "SIGUSR2");
  const deadline = monotonicClock.now() + 10_000;
  while (heard.signal === 0 || heard.timer === 0) {
    await waiter.turn();
    assertLess(monotonicClock.now(), deadline);
  }
  clearTimeout(timer);
  Deno.removeSignalListener("SIGUSR2", onSignal);
  assertEquals(heard, { event: 1, timer: 1, signal: 1 });
});

Deno.test("sleep() ends at its deadline, not before", async () => {
  using waiter = new FdWaiter(monotonicClock);
  await settle(waiter);
  const deadline = monotonicClock.now() + 30;
  await waiter.sleep(deadline);
  assertGreaterOrEqual(monotonicClock.now(), deadline);
});

Deno.test("wake() ends a sleep without a deadline, and the next one when none is under way", async () => {
  using waiter = new FdWaiter(monotonicClock);
  await settle(waiter);
  const sleep = waiter.sleep(Infinity);
  waiter.wake();
  await sleep;
  waiter.wake();
  await waiter.sleep(Infinity);
});

Deno.test("poll() runs handlers without sleeping; a removed descriptor is left alone", () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => calls++);
  waiter.poll();
  assertEquals(calls, 0);
  event.signal();
  waiter.poll();
  assertEquals(calls, 1);
  waiter.remove(event.fd);
  waiter.poll();
  assertEquals(calls, 1);
});

Deno.test("nap() ends when a descriptor is ready or a wake() was before, or else in its time", () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => {
    calls++;
    event.drain();
  });
  assert(waiter.nap(10_000), "add() wakes");
  event.signal();
  assert(waiter.nap(10_000));
  assertEquals(calls, 1);
  waiter.wake();
  assert(waiter.nap(10_000));
  const end = monotonicClock.now() + 20;
  assert(!waiter.nap(20));

  assertGreaterOrEqual(monotonicClock.now(), end - 1);
  assertEquals(calls, 1);
});

Deno.test("a descriptor that a handler removes is not dispatched in the same round", () => {
  using waiter = new FdWaiter(monotonicClock);
  using first = new Eventfd();
  using second = new Eventfd();
  let calls = 0;
  waiter.add(first.fd, () => waiter.remove(second.fd));
  waiter.add(second.fd, () => calls++);
  first.signal();
  second.signal();
  waiter.poll();
  assertEquals(calls, 0);
});

Deno.test("a descriptor added during a sleep is seen at once", async () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  await settle(waiter);
  event.signal();
  let seen = false;
  const sleep = waiter.sleep(Infinity);
  waiter.add(event.fd, () => {
    seen = event.drain();
  });
  await sleep;
  waiter.poll();
  assert(seen);
});

Deno.test("a masked descriptor calls nothing and ends no sleep, an unmasked one does again", async () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => calls++);
  await settle(waiter);
  waiter.mask(event.fd);
  event.signal();
  waiter.poll();
  const started = monotonicClock.now();
  await waiter.sleep(started + 20);
  assertGreaterOrEqual(monotonicClock.now() - started, 20);
  assertEquals(calls, 0);
  waiter.unmask(event.fd);
  waiter.poll();
  assertEquals(calls, 1);
});

Deno.test("a masked descriptor stays masked when another one comes or goes", () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  using other = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => calls++);
  waiter.mask(event.fd);
  event.signal();
  waiter.add(other.fd, () => {});
  waiter.poll();
  waiter.remove(other.fd);
  waiter.poll();
  assertEquals(calls, 0);
  waiter.remove(event.fd);
  waiter.add(event.fd, () => calls++);
  waiter.poll();
  assertEquals(calls, 1, "added anew");
});

Deno.test("a descriptor unmasked during a sleep is seen at once, one masked then is not", async () => {
  using waiter = new FdWaiter(monotonicClock);
  using event = new Eventfd();
  let calls = 0;
  waiter.add(event.fd, () => {
    if (event.drain()) calls++;
  });
  waiter.mask(event.fd);
  await settle(waiter);
  event.signal();
  let sleep = waiter.sleep(Infinity);
  waiter.unmask(event.fd);
  await sleep;
  waiter.poll();
  assertEquals(calls, 1);
  await settle(waiter);
  sleep = waiter.sleep(monotonicClock.now() + 20);
  event.signal();
  waiter.mask(event.fd);
  await sleep;
  assertEquals(calls, 1);
});

Deno.test("ReadyProbe: whether there is something to read, or room to write", () => {
  using event = new Eventfd();
  const readable = new ReadyProbe(event.fd, POLLIN);
  assertEquals([readable.ready(), new ReadyProbe(event.fd, POLLOUT).ready()], [false, true]);
  event.signal();
  assertEquals(readable.ready(), true);
});

Deno.test("Eventfd: many signals are one wake-up", () => {
  using event = new Eventfd();
  assertEquals(event.drain(), false);
  for (let i = 0; i < 1000; i++) event.signal();
  assertEquals(event.drain(), true);
  assertEquals(event.drain(), false);
});

Deno.test("sleep() with a deadline in the past returns at once", async () => {
  using waiter = new FdWaiter(monotonicClock);
  await settle(waiter);
  const started = monotonicClock.now();
  await waiter.sleep(started - 1000);
  assertLess(monotonicClock.now() - started, 10_000);
});

Deno.test("signals that come while it polls do no harm", async () => {
  const script = new URL("./polls_until_signalled.ts", import.meta.url).pathname;
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", Deno.execPath(), "run", "--no-prompt", "--allow-ffi", script],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  assertEquals((await lines.next()).value, "polling\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill("SIGUSR2");
  assertEquals((await lines.next()).value, "signalled once\n");
  assertEquals(await new Response(child.stderr).text(), "");
  assertEquals((await child.status).code, 0);
});

/** Consumes the wake-ups that adding descriptors left behind. */
async function settle(waiter: FdWaiter): Promise<void> {
  await waiter.sleep(0);
}
