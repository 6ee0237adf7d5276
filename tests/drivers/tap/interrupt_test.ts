import { assertEquals, assertMatch } from "@std/assert";
import type { NetdevError } from "../../../netdev/netdev_error.ts";
import { tapTest } from "../../linux/network_namespace.ts";
import { assertSleeps } from "../ffi/assert_sleeps.ts";
import { frame, NAME, TapLink } from "./tap_link.ts";

tapTest("interrupts are off on start, and what waits keeps nobody from sleeping", async () => {
  const events: number[] = [];
  using link = await TapLink.open({ onEvent: (queueId) => events.push(queueId) });
  link.peer.send(frame(60));
  link.waiter.poll();
  await assertSleeps(link.waiter);
  assertEquals(events, []);
});

tapTest("an armed queue tells once, and again when armed again", async () => {
  const events: number[] = [];
  using link = await TapLink.open({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  await link.waiter.sleep(0);
  link.peer.send(frame(60, 1));
  await link.waiter.sleep(Infinity);
  assertEquals(events, [0]);
  link.peer.send(frame(60, 2));
  link.waiter.poll();
  await assertSleeps(link.waiter);
  assertEquals(events, [0]);

  assertEquals(link.burst().length, 2);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.waiter.poll();
  assertEquals(events, [0]);
  link.peer.send(frame(60, 3));
  link.waiter.poll();
  assertEquals(events, [0, 0]);
  assertEquals(link.netdev.statsGet().interrupts, 2);
});

tapTest("rxqIntrEnable() refuses while a frame waits", async () => {
  const events: number[] = [];
  using link = await TapLink.open({ onEvent: (queueId) => events.push(queueId) });
  link.peer.send(frame(60, 1));
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  link.waiter.poll();
  assertEquals(events, []);
  assertEquals(link.burst().length, 1);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
});

tapTest("rxqIntrDisable() keeps the queue quiet", async () => {
  const events: number[] = [];
  using link = await TapLink.open({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.rxqIntrDisable(0);
  link.peer.send(frame(60));
  link.waiter.poll();
  await assertSleeps(link.waiter);
  assertEquals(events, []);
});

tapTest(
  "an interface that is deleted brings the link down, once, and lets the waiter sleep",
  async () => {
    const reasons: NetdevError[] = [];
    const events: number[] = [];
    using link = await TapLink.open({
      onGone: (reason) => reasons.push(reason),
      onEvent: (queueId) => events.push(queueId),
    });
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
    await link.waiter.sleep(0);
    await link.namespace.ip("link", "del", NAME);
    await link.waiter.sleep(Infinity);
    assertEquals(events, [0]);
    assertEquals(link.burst(), []);
    assertEquals(link.netdev.linkGet(), false);
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
    await assertSleeps(link.waiter);
    link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1);
    assertEquals(link.netdev.statsGet().drops.tx_link_down, 1);
    assertEquals(reasons.map(({ code }) => code), ["ENODEV"]);
    assertMatch(reasons[0].message, /^interface tap0 was deleted$/);
    assertEquals(link.pool.available, link.pool.size);
  },
);

tapTest("sending finds out too that the interface is deleted", async () => {
  const reasons: string[] = [];
  using link = await TapLink.open({ onGone: ({ code }) => reasons.push(code) });
  await link.namespace.ip("link", "del", NAME);
  assertEquals(link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1), 1);
  assertEquals(link.burst(), []);
  assertEquals(link.netdev.statsGet().drops.tx_link_down, 1);
  await Promise.resolve();
  assertEquals(reasons, ["ENODEV"]);
});

tapTest(
  "an armed queue of an interface that sending found deleted lets the waiter sleep",
  async () => {
    using link = await TapLink.open();
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
    await link.waiter.sleep(0);
    await link.namespace.ip("link", "del", NAME);
    link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1);
    await assertSleeps(link.waiter);
  },
);

tapTest("close() is not reported as an interface that went", async () => {
  let gone = 0;
  using link = await TapLink.open({ onGone: () => gone++ });
  await link.namespace.ip("link", "del", NAME);
  link.burst();
  link.netdev.close();
  await Promise.resolve();
  assertEquals(gone, 0);
});

tapTest("a closed device lets the waiter sleep", async () => {
  using link = await TapLink.open();
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.close();
  await assertSleeps(link.waiter);
});
