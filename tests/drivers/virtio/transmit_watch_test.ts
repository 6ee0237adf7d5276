import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RingFormat } from "../../../drivers/virtio/virtqueue.ts";
import { VIRTIO_F_RING_PACKED, VIRTIO_F_RING_RESET } from "../../device/ring_device.ts";
import { frame, NetLink } from "./net_link.ts";

/** How often the watchdog looks. */
const LOOK = 2000;

/** A card whose transmit queue can be reset alone, and the time. */
class WatchedLink extends NetLink {
  #now = 0;

  constructor(more = VIRTIO_F_RING_RESET, ring: RingFormat = "split") {
    super({ more: more | (ring === "packed" ? VIRTIO_F_RING_PACKED : 0n), ring });
    this.netdev.watchdog(0);
  }

  /** Has the watchdog look so often, each time after `between`. */
  look(times: number, between?: () => void): void {
    for (let i = 0; i < times; i++) {
      between?.();
      this.#now += LOOK;
      this.netdev.watchdog(this.#now);
    }
  }

  sendFrames(count: number): void {
    const packets = Array.from({ length: count }, (_, i) => this.packet(frame(60 + i)));
    assertEquals(this.send(...packets), count);
  }

  /** Times that the transmit queue was reset alone. */
  get queueResets(): number {
    return this.model.calls.filter((call) => call === "reset queue 1").length;
  }

  get timedOut(): number | undefined {
    return this.netdev.statsGet().drops.tx_timeout;
  }
}

for (const ring of ["split", "packed"] as const) {
  Deno.test(`a ${ring} transmit queue that stands still is reset alone, and sends again`, () => {
    const link = new WatchedLink(VIRTIO_F_RING_RESET, ring);
    const free = link.pool.available;
    for (let round = 1; round <= 3; round++) {
      link.sendFrames(3);
      link.model.takeTransmit();
      const from = link.model.calls.length;
      link.look(3);
      assertEquals([link.queueResets, link.pool.available], [round - 1, free - 3], "not 5 s yet");
      link.look(1);
      const reminders = ["kick 1", "kick 1", "kick 1"];
      assertEquals(link.model.calls.slice(from), [...reminders, "reset queue 1", "queue 1"]);
      assertEquals([link.pool.available, link.timedOut], [free, 3 * round]);
      link.sendFrames(2);
      assertEquals(link.model.transmit().map((sent) => sent.frame.length), [60, 61]);
      assertEquals([link.netdev.txqReclaim(0), link.pool.available], [8, free]);
    }
    assert(link.model.receive(frame(60)), "the receive queue has gone on");
    assertEquals([link.received(), link.events], [[[...frame(60)]], []]);
    const facts = link.netdev.detailsGet()?.facts ?? [];
    assertEquals(new Map(facts).get("transmit queue resets"), "3");
  });
}

Deno.test("without RING_RESET the device is what has to be reset, which is said at once", () => {
  const link = new WatchedLink(0n);
  link.sendFrames(2);
  link.look(4);
  assertEquals(link.events, [
    "model stands still: its transmit queue has sent nothing for 5 s",
  ]);
  assertEquals(link.netdev.watchdog(4 * LOOK), 5 * LOOK);
  link.netdev.stop();
  assertEquals(link.pool.available, link.pool.size);
  link.netdev.start();
  link.sendFrames(1);
  assertEquals(link.model.transmit().length, 1);
});

Deno.test("a failure that the watchdog tells of isn't left until its next look", () => {
  const link = new NetLink();
  link.netdev.watchdog(0);
  link.send(link.packet(frame(60)));
  const next = [1, 2, 3, 4].map((look) => link.netdev.watchdog(look * LOOK));
  assertEquals(next, [2, 3, 4, 4].map((look) => look * LOOK));
});

Deno.test("a device that would not live through the reset of a stuck queue is reset itself", () => {
  const link = new WatchedLink();
  link.model.script = { diesOfQueueReset: true };
  link.sendFrames(2);
  link.look(4);
  assertEquals([link.queueResets, link.events.length], [0, 1]);
});

Deno.test("a queue that its device may leave alone is never reset for standing still", () => {
  const link = new WatchedLink();
  link.model.script = { mayPause: true };
  link.sendFrames(2);
  link.look(10);
  assertEquals([link.queueResets, link.events], [0, []]);
  assertEquals(link.model.transmit().length, 2, "it may go on at any time");
});

Deno.test("a queue that does not finish its reset keeps its netbufs, until the device is reset", () => {
  const link = new WatchedLink();
  const free = link.pool.available;
  link.model.script = { queueResetReads: Infinity };
  link.sendFrames(3);
  link.look(4);
  assertEquals(link.events.length, 1);
  assertMatch(
    link.events[0],
    /^model stands still: .*: model: queue 1 is not reset after 1000 ms$/,
  );
  assertEquals([link.pool.available, link.timedOut], [free - 3, 0], "the device may read them yet");
  link.look(4);
  assertEquals([link.queueResets, link.events.length], [1, 1]);
  link.netdev.stop();
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("a device that goes while it resets a queue is said to be gone", () => {
  const link = new WatchedLink();
  link.sendFrames(1);
  link.look(3);
  link.model.gone = true;
  link.look(1);
  assertMatch(link.events[0], /can't be reset alone: model is gone$/);
});

Deno.test("a queue that stands still again at once is reset with the whole device", () => {
  const link = new WatchedLink();
  for (let round = 0; round < 2; round++) {
    link.sendFrames(2);
    link.look(4);
  }
  assertEquals([link.queueResets, link.timedOut], [1, 2]);
  assertEquals(link.events, [
    "model stands still: its transmit queue has sent nothing for 5 s, after a reset of its own",
  ]);
  link.netdev.stop();
  link.netdev.start();
  link.sendFrames(2);
  link.look(4);
  assertEquals([link.queueResets, link.events.length], [2, 1], "tried again after the start");
});

Deno.test("a queue that sends slowly, or has nothing to send, is left alone", () => {
  const link = new WatchedLink();
  link.sendFrames(6);
  const lent = link.model.takeTransmit();
  let looks = 0;
  // One frame in 4 s.
  link.look(10, () => {
    if (looks++ % 2 === 1) link.model.completeTransmit(lent.splice(0, 1));
  });
  link.model.completeTransmit(lent);
  link.look(10);
  link.sendFrames(1);
  link.look(3);
  assertEquals([link.queueResets, link.events], [0, []]);
});

Deno.test("frames that came back, though nobody took them, are no reason for a reset", () => {
  const link = new WatchedLink();
  link.look(20, () => {
    link.sendFrames(1);
    link.model.transmit();
  });
  assertEquals([link.queueResets, link.events], [0, []]);
});

Deno.test("time in which nobody looked, as the process was stopped, counts for little", () => {
  const link = new NetLink();
  link.netdev.watchdog(0);
  link.send(link.packet(frame(60)));
  for (const now of [2000, 100_000, 102_000]) link.netdev.watchdog(now);
  assertEquals(link.events, []);
  link.netdev.watchdog(104_000);
  assertEquals(link.events.length, 1);
});

Deno.test("while the link is down no queue is blamed for standing still", () => {
  const link = new WatchedLink();
  link.sendFrames(2);
  link.look(2);
  link.model.setLink(false);
  link.look(10);
  link.model.setLink(true);
  link.look(3);
  assertEquals([link.queueResets, link.events], [0, ["link down", "link up"]]);
  link.look(1);
  assertEquals(link.queueResets, 1, "5 s after it came up");
});

Deno.test("a used ring that is nonsense is told as such, not as a queue that stands still", () => {
  const link = new WatchedLink();
  link.sendFrames(1);
  link.look(3);
  link.model.tx.showIndex(1000);
  link.look(1);
  assertMatch(link.events[0], /broke the transmit queue/);
  assertEquals([link.queueResets, link.events.length], [0, 1]);
});

for (const ring of ["split", "packed"] as const) {
  Deno.test(`a ${ring} transmit queue that holds frames is notified again, and no other`, () => {
    const link = new WatchedLink(VIRTIO_F_RING_RESET, ring);
    link.look(2);
    assertEquals(link.model.kicks(1), 0, "it holds nothing");
    link.sendFrames(2);
    assertEquals(link.model.kicks(1), 1);
    link.look(1);
    assertEquals(link.model.kicks(1), 2);
    link.model.transmit();
    link.look(2);
    assertEquals([link.model.kicks(1), link.events], [2, []], "it has given them back");
  });

  Deno.test(`a ${ring} receive queue is polled for what came without an interrupt`, () => {
    let events = 0;
    const link = new NetLink({
      more: ring === "packed" ? VIRTIO_F_RING_PACKED : 0n,
      ring,
      onEvent: () => events++,
    });
    link.netdev.watchdog(0);
    link.netdev.rxqIntrEnable(0);
    link.netdev.watchdog(LOOK);
    assertEquals(events, 0, "nothing has come");
    link.netdev.rxqIntrDisable(0);
    assert(link.model.receive(frame(60)));
    assertEquals(events, 0, "nobody was told");
    link.netdev.watchdog(2 * LOOK);
    assertEquals([events, link.received()], [1, [[...frame(60)]]]);
    link.netdev.watchdog(3 * LOOK);
    assertEquals(events, 1);
  });
}
