import { assert, assertEquals } from "@std/assert";
import type { NetdevError } from "../../../netdev/netdev_error.ts";
import { assertSleeps } from "../ffi/assert_sleeps.ts";
import { frame, framed, StreamLink } from "./stream_link.ts";

Deno.test("interrupts are off on start", () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  link.peer.send(framed(frame(60)));
  link.waiter.poll();
  assertEquals(events, []);
});

Deno.test("an armed queue tells once, and again when armed again", async () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  await link.waiter.sleep(0);
  link.peer.send(framed(frame(60, 1)));
  await link.waiter.sleep(Infinity);
  assertEquals(events, [0]);
  link.peer.send(framed(frame(60, 2)));
  link.waiter.poll();
  assertEquals(events, [0]);

  assertEquals(link.burst().length + link.burst().length, 2);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.waiter.poll();
  assertEquals(events, [0]);
  link.peer.send(framed(frame(60, 3)));
  link.waiter.poll();
  assertEquals(events, [0, 0]);
  assertEquals(link.netdev.statsGet().interrupts, 2);
});

Deno.test("rxqIntrEnable() refuses while a frame waits, in the buffer or in the socket", () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  link.peer.send(framed(frame(60, 1), frame(60, 2)));
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  assertEquals(link.burst(1).length, 1);
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  link.peer.send(framed(frame(60, 3)));
  link.waiter.poll();
  assertEquals(events, []);
  assertEquals(link.burst().length, 2);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
});

Deno.test("a part of a frame raises no interrupt, the rest of it does", () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  const bytes = framed(frame(60, 1));
  link.peer.send(bytes.slice(0, 30));
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.peer.send(bytes.slice(30, 40));
  link.waiter.poll();
  assertEquals(events, []);
  link.peer.send(bytes.slice(40));
  link.waiter.poll();
  assertEquals(events, [0]);
  assertEquals(link.burst(), [[...frame(60, 1)]]);
});

Deno.test("rxqIntrDisable() keeps the queue quiet", () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.rxqIntrDisable(0);
  link.peer.send(framed(frame(60)));
  link.waiter.poll();
  assertEquals(events, []);
});

Deno.test("what waits for a disarmed queue keeps nobody from sleeping", async () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  link.peer.send(framed(frame(60, 1)));
  await assertSleeps(link.waiter);
  assertEquals(link.burst().length, 1);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.rxqIntrDisable(0);
  link.peer.send(framed(frame(60, 2)));
  await assertSleeps(link.waiter);
  assertEquals(events, []);
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
});

Deno.test("a peer that hangs up brings the link down, once, and lets the waiter sleep", async () => {
  const reasons: NetdevError[] = [];
  using link = new StreamLink({ onGone: (reason) => reasons.push(reason) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  await link.waiter.sleep(0);
  link.peer[Symbol.dispose]();
  await link.waiter.sleep(Infinity);
  assertEquals(link.netdev.linkGet(), false);
  assertEquals(link.burst(), []);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  await assertSleeps(link.waiter);
  assertEquals(reasons.map(({ code }) => code), ["ENODEV"]);
});

Deno.test("a peer that hangs up while the queue is disarmed lets the waiter sleep too", async () => {
  using link = new StreamLink();
  link.peer.send(framed(frame(60)));
  link.peer[Symbol.dispose]();
  link.waiter.poll();
  await assertSleeps(link.waiter);
  assertEquals(link.burst().length, 1);
  assertEquals(link.burst(), []);
  assertEquals(link.netdev.linkGet(), false);
});

Deno.test("what a peer sent before it hung up arrives, then the link is down", async () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.peer.send(framed(frame(60, 1), frame(60, 2)));
  link.peer.send(framed(frame(60, 3)).slice(0, 10));
  link.peer[Symbol.dispose]();
  link.waiter.poll();
  assertEquals(events, [0]);
  assertEquals(link.burst(), [[...frame(60, 1)], [...frame(60, 2)]]);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  assertEquals(link.netdev.linkGet(), false);
  await assertSleeps(link.waiter);
});

Deno.test("a peer that hangs up in the middle of a frame is noticed by an armed queue", () => {
  let polled = false;
  using link: StreamLink = new StreamLink({
    onEvent: () => {
      polled = true;
    },
  });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.peer.send(framed(frame(60)).slice(0, 10));
  link.peer[Symbol.dispose]();
  link.waiter.poll();
  assert(polled);
  assertEquals(link.burst(), []);
  assertEquals(link.netdev.linkGet(), false);
});

Deno.test("a closed device lets the waiter sleep", async () => {
  using link = new StreamLink();
  link.netdev.close();
  await assertSleeps(link.waiter);
});

Deno.test("close() is not reported as a peer that went", async () => {
  let gone = 0;
  using link = new StreamLink({ onGone: () => gone++ });
  link.peer[Symbol.dispose]();
  link.burst();
  link.netdev.close();
  await Promise.resolve();
  assertEquals(gone, 0);
});

Deno.test("a peer that is gone is reported once, whichever way it is noticed", async () => {
  const reasons: string[] = [];
  using link = new StreamLink({ onGone: ({ code }) => reasons.push(code) });
  link.peer[Symbol.dispose]();
  link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1);
  const { fault } = link.ops;
  assertEquals(link.burst(), []);
  assertEquals(link.ops.fault, fault);
  await Promise.resolve();
  assertEquals(reasons, ["ENODEV"]);
});
