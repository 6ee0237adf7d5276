import { assert, assertEquals } from "@std/assert";
import { passedEvent } from "../../../drivers/virtio/passed_event.ts";
import { Ring } from "./split_virtqueue_ring.ts";

/** Entries `before` to `now` - 1 were written: was `event` one of them? In integers, without wrap. */
function wasWritten(event: number, before: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (((before + i) & 0xffff) === event) return true;
  return false;
}

Deno.test("passedEvent() is whether the entry of that number was written, at every wrap", () => {
  const edges = [0, 1, 2, 3, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffd, 0xfffe, 0xffff];
  const near = (value: number) => [-2, -1, 0, 1, 2].map((delta) => (value + delta) & 0xffff);
  for (const before of edges) {
    for (const count of [0, 1, 2, 3, 255, 256, 257, 32767, 32768]) {
      const now = (before + count) & 0xffff;
      const events = new Set([...edges, ...near(before), ...near(now)]);
      for (const event of events) {
        assertEquals(
          passedEvent(event, now, before),
          wasWritten(event, before, count),
          `event ${event}, from ${before} to ${now}`,
        );
      }
    }
  }
});

Deno.test("passedEvent() is right for all events of a short move across the wrap", () => {
  for (let event = 0; event < 65536; event++) {
    const passed = event === 0xfffe || event === 0xffff || event === 0;
    if (passedEvent(event, 1, 0xfffe) !== passed) throw new Error(`wrong for event ${event}`);
  }
});

Deno.test("with flags the device is notified unless it asked not to be", () => {
  const ring = new Ring(8, false);
  const publish = () => {
    ring.post(1);
    return ring.vq.publish();
  };
  assertEquals(publish(), true);
  ring.device.setUsedFlags(1);
  assertEquals(publish(), false);
  // Only bit 0 has a meaning, and avail_event has none in this mode (§2.7.10.1).
  ring.device.setUsedFlags(0xfffe);
  ring.device.setAvailEvent(0x7000);
  assertEquals(publish(), true);
});

Deno.test("with the event index the device is notified of the entry that it named, not of others", () => {
  const ring = new Ring(8, true);
  const publish = (count: number) => {
    for (let i = 0; i < count; i++) ring.post(i);
    return ring.vq.publish();
  };
  assertEquals(publish(1), true, "avail_event is 0 at first: the very first buffer is notified");
  assertEquals(publish(1), false);
  ring.device.setAvailEvent(3);
  assertEquals(publish(1), false, "entry 2");
  assertEquals(publish(3), true, "entries 3, 4 and 5");
  // The flags have no meaning in this mode (§2.7.10.1).
  ring.device.setAvailEvent(6);
  ring.device.setUsedFlags(1);
  assertEquals(publish(1), true);
});

Deno.test("a device that says when it wants kicks gets each one across the index wrap", () => {
  for (const eventIndex of [false, true]) {
    const ring = new Ring(4, eventIndex);
    ring.pass(65530);
    for (let i = 0; i < 20; i++) {
      const wanted = i % 3 === 0;
      ring.device.wantKicks(wanted);
      ring.post(i);
      assertEquals(ring.vq.publish(), wanted, `buffer ${65530 + i}, event index ${eventIndex}`);
      ring.device.use(ring.take().head, 0);
      ring.takeAll();
    }
  }
});

Deno.test("unpublished counts what was posted since the last publish", () => {
  const { vq, ...ring } = new Ring(4, false);
  assertEquals(vq.unpublished, 0);
  vq.stage(4096, 8, false);
  assertEquals(vq.unpublished, 0, "staged only");
  vq.commit(1);
  vq.stage(4096, 8, false);
  vq.commit(2);
  assertEquals([vq.unpublished, ring.device.available], [2, 0]);
  vq.publish();
  assertEquals([vq.unpublished, ring.device.available], [0, 2]);
});

for (const eventIndex of [false, true]) {
  Deno.test(`an armed queue is interrupted once, with event index: ${eventIndex}`, () => {
    const ring = new Ring(4, eventIndex);
    ring.pass(65533);
    for (let i = 0; i < 6; i++) {
      ring.lend(1);
      ring.lend(2);
      assertEquals(ring.vq.enableInterrupts(), true);
      assertEquals(ring.device.use(ring.take().head, 0), true);
      ring.vq.disableInterrupts();
      assertEquals(ring.device.use(ring.take().head, 0), false);
      assertEquals(ring.takeAll(), [1, 2]);
    }
  });

  Deno.test(`enableInterrupts() refuses while a buffer waits, with event index: ${eventIndex}`, () => {
    const ring = new Ring(4, eventIndex);
    ring.lend(1);
    ring.lend(2);
    ring.device.use(ring.take().head, 0);
    assertEquals(ring.vq.enableInterrupts(), false);
    assertEquals(ring.device.use(ring.take().head, 0), false, "and it's off again");
    assertEquals(ring.takeAll(), [1, 2]);
    assertEquals(ring.vq.enableInterrupts(), true);
  });

  Deno.test(`no buffer slips by between the last look and arming, with event index: ${eventIndex}`, () => {
    // The device acts in between two steps of the driver: before the wish, or right after it.
    const early = new Ring(4, eventIndex);
    early.lend(1);
    early.vq.disableInterrupts();
    assertEquals(early.vq.usedCount(), 0);
    const interruptedEarly = early.device.use(early.take().head, 0);
    assertEquals([interruptedEarly, early.vq.enableInterrupts()], [false, false]);

    const late = new Ring(4, eventIndex);
    late.lend(1);
    late.vq.disableInterrupts();
    assertEquals(late.vq.usedCount(), 0);
    assertEquals(late.vq.enableInterrupts(), true);
    assert(late.device.use(late.take().head, 0));
  });

  Deno.test(`a masked queue stays silent for 65,000 buffers, with event index: ${eventIndex}`, () => {
    const ring = new Ring(4, eventIndex);
    ring.vq.disableInterrupts();
    for (let i = 0; i < 65_000; i++) {
      ring.lend(1);
      assertEquals(ring.device.use(ring.take().head, 0), false);
      ring.takeAll();
    }
  });
}

Deno.test("with the event index the flags stay 0, without it the event is not used", () => {
  const withIndex = new Ring(4, true);
  withIndex.vq.disableInterrupts();
  assertEquals(withIndex.device.availFlags, 0);
  withIndex.vq.enableInterrupts();
  assertEquals(withIndex.device.availFlags, 0);
  const withFlags = new Ring(4, false);
  withFlags.vq.disableInterrupts();
  assertEquals(withFlags.device.availFlags, 1);
  withFlags.vq.enableInterrupts();
  assertEquals([withFlags.device.availFlags, withFlags.device.usedEvent], [0, 0]);
});
