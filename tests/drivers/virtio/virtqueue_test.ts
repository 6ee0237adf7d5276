import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../../stack/seeded_random.ts";
import { nameOf, RING_KINDS, ringOf } from "./virtqueue_ring.ts";

/* What every virtqueue does, whatever the format of its ring and the mechanisms that it has. */

const BUFFERS = 70_000;

for (const kind of RING_KINDS) {
  const { inOrder = false, indirectEntries = 0, format } = kind;
  const name = nameOf(kind);

  Deno.test(`a buffer comes back with its token and the length that the device claims: ${name}`, () => {
    const { vq, device } = ringOf(4, kind);
    vq.post(5000, 100, true, 7);
    assertEquals([device.available, vq.unpublished], [0, 1]);
    vq.publish();
    assertEquals([device.available, vq.unpublished], [1, 0]);
    const buffer = device.take();
    assertEquals(buffer?.pieces, [{ offset: 5000, length: 100, deviceWrites: true }]);
    assertEquals(vq.usedCount(), 0);
    device.use(buffer?.head ?? -1, 0xffff_ffff);
    assertEquals(vq.usedCount(), 1);
    assertEquals(vq.takeUsed(), 7);
    assertEquals(vq.usedLength, 0xffff_ffff);
    assertEquals([vq.usedCount(), vq.free, vq.broken], [0, 4, false]);
  });

  Deno.test(`a buffer of several pieces takes as many descriptors as it says: ${name}`, () => {
    for (const pieces of [1, 2, 4, 5, 8]) {
      const { vq, device } = ringOf(8, kind);
      for (let i = 0; i < pieces; i++) vq.stage(4096 + 100 * i, 10 + i, i > 2);
      vq.commit(1);
      vq.publish();
      const isTable = pieces > 1 && pieces <= indirectEntries;
      const descriptors = isTable ? 1 : pieces;
      assertEquals([vq.descriptorsFor(pieces), 8 - vq.free], [descriptors, descriptors]);
      const buffer = device.take();
      assertEquals(buffer?.descriptors, descriptors);
      assertEquals(
        buffer?.pieces,
        Array.from({ length: pieces }, (_, i) => (
          { offset: 4096 + 100 * i, length: 10 + i, deviceWrites: i > 2 }
        )),
      );
      device.use(buffer?.head ?? -1, 0);
      assertEquals([vq.usedCount(), vq.takeUsed(), vq.free], [1, 1, 8]);
    }
  });

  Deno.test(`${BUFFERS} buffers in chains of all lengths come back, each once: ${name}`, () => {
    // No power of two, and not a divisor of 2^16, where that's possible.
    const size = format === "packed" ? 11 : 16;
    const ring = ringOf(size, kind);
    const random = new SeededRandom(4711);
    const atDevice: { readonly head: number; readonly number: number; readonly bytes: number }[] =
      [];
    const lent: { readonly number: number; readonly pieces: number }[] = [];
    let next = 0;
    let back = 0;
    while (back < BUFFERS) {
      while (random.below(3) > 0) {
        const pieces = 1 + random.below(5);
        if (ring.vq.free < ring.vq.descriptorsFor(pieces)) break;
        lent.push({ number: next, pieces });
        ring.post(next++, pieces, true);
        if (random.below(2) > 0) ring.vq.publish();
      }
      ring.vq.publish();
      for (let buffer = ring.device.take(); buffer !== null; buffer = ring.device.take()) {
        const { number, pieces } = lent.shift() ?? { number: -1, pieces: 0 };
        assertEquals(buffer.pieces[0].offset, 4096 + 64 * (number % 1024));
        assertEquals(buffer.pieces.length, pieces);
        atDevice.push({ head: buffer.head, number, bytes: 8 * pieces });
      }
      const used: { readonly number: number; readonly length: number }[] = [];
      while (atDevice.length > 0 && random.below(3) > 0) {
        if (inOrder && random.below(2) > 0) {
          const batch = atDevice.splice(0, 1 + random.below(atDevice.length));
          ring.device.putBatch(batch.map(({ head }) => head), 1);
          used.push(
            ...batch.map(({ number, bytes }, i) => (
              { number, length: i + 1 < batch.length ? bytes : 1 }
            )),
          );
        } else {
          const at = inOrder ? 0 : random.below(atDevice.length);
          const [{ head, number }] = atDevice.splice(at, 1);
          ring.device.put(head, number % 9);
          used.push({ number, length: number % 9 });
        }
        if (random.below(2) > 0) ring.device.show();
      }
      ring.device.show();
      // Not all of what is there is taken at once.
      for (let count = 0; count < used.length;) {
        const waiting = ring.vq.usedCount();
        assertEquals(waiting, used.length - count);
        for (let i = 1 + random.below(waiting); i > 0; i--, count++) {
          assertEquals(ring.vq.takeUsed(), used[count].number);
          assertEquals(ring.vq.usedLength, used[count].length);
        }
      }
      assertEquals(ring.vq.usedCount(), 0);
      back += used.length;
    }
    assertEquals(ring.vq.broken, false);
    assertEquals(
      ring.reclaimAll(),
      [...atDevice].map(({ number }) => number).sort((a, b) => a - b),
    );
  });

  Deno.test(`a device gets the kicks that it asks for, through several laps: ${name}`, () => {
    const ring = ringOf(4, kind);
    for (let i = 0; i < 300; i++) {
      const wanted = i % 3 === 0;
      ring.device.wantKicks(wanted);
      for (let n = i % 4; n >= 0; n--) ring.post(n);
      assertEquals(ring.vq.publish(), wanted, `buffer ${i}`);
      for (let n = i % 4; n >= 0; n--) ring.device.use(ring.take().head, 0);
      ring.takeAll();
    }
  });

  Deno.test(`an armed queue is interrupted, a masked one is not, through several laps: ${name}`, () => {
    const ring = ringOf(4, kind);
    for (let i = 0; i < 300; i++) {
      for (let n = 0; n < 3; n++) ring.lend(n, 1 + i % 2 === 2 && n === 2 ? 2 : 1);
      assert(ring.vq.enableInterrupts());
      assertEquals(ring.device.use(ring.take().head, 0), true);
      assertEquals(ring.vq.enableInterrupts(), false, "one waits");
      assertEquals(ring.device.use(ring.take().head, 0), false, "and it's off again");
      assertEquals(ring.vq.usedCount(), 2);
      assertEquals(ring.vq.takeUsed(), 0);
      assertEquals(ring.vq.enableInterrupts(), false, "one waits still");
      assertEquals(ring.vq.takeUsed(), 1);
      ring.vq.disableInterrupts();
      assertEquals(ring.device.use(ring.take().head, 0), false);
      assertEquals(ring.takeAll(), [2]);
    }
  });

  Deno.test(`reset() makes it as new, and reclaim() gives all back before: ${name}`, () => {
    const ring = ringOf(8, kind);
    ring.pass(13);
    ring.lend(1);
    ring.lend(2, 3);
    ring.post(3);
    ring.device.use(ring.take().head, 0);
    assertEquals(ring.vq.usedCount(), 1);
    assertEquals(ring.reclaimAll(), [1, 2, 3]);
    ring.vq.reset();
    assertEquals([ring.vq.free, ring.vq.unpublished, ring.vq.usedCount()], [8, 0, 0]);
    const again = ringOf(8, kind);
    assertEquals(again.vq.free, 8);
  });

  Deno.test(`what isn't lent, or was given back before, breaks the queue: ${name}`, () => {
    for (const bad of ["other", "twice", "out of range"] as const) {
      const ring = ringOf(8, kind);
      ring.lend(1, 5);
      ring.lend(2);
      const [first, second] = [ring.take(), ring.take()];
      const other = Array.from({ length: 8 }, (_, id) => id)
        .find((id) => id !== first.head && id !== second.head);
      ring.device.put(first.head, 0);
      ring.device.put({ other, twice: first.head, "out of range": 8 }[bad] ?? -1, 0);
      ring.device.show();
      assertEquals(ring.takeAll(), [1, null], bad);
      assertEquals([ring.vq.broken, ring.vq.usedCount()], [true, 0]);
      assertEquals(ring.vq.enableInterrupts(), true, "nothing comes of it: nobody polls on");
      assertEquals(ring.reclaimAll(), [2]);
    }
  });

  Deno.test(`scribbled descriptors change nothing: ${name}`, () => {
    for (const byte of [0x00, 0x01, 0xff]) {
      const ring = ringOf(8, kind);
      for (let round = 0; round < 20; round++) {
        ring.lend(1, 3);
        ring.lend(2, 2);
        const heads = [ring.take().head, ring.take().head];
        ring.device.scribbleDescriptors(byte);
        for (const head of heads) ring.device.put(head, 0);
        ring.device.show();
        assertEquals(ring.takeAll(), [1, 2]);
        assertEquals([ring.vq.free, ring.vq.broken], [8, false]);
      }
    }
  });
}

for (const format of ["split", "packed"] as const) {
  Deno.test(`in order, a batch up to what isn't the driver's turn breaks the queue: ${format}`, () => {
    const ring = ringOf(8, { format, eventIndex: false, inOrder: true });
    for (let i = 0; i < 3; i++) ring.lend(i);
    const heads = [ring.take().head, ring.take().head, ring.take().head];
    ring.device.putBatch(heads.slice(0, 2), 8);
    ring.device.put(heads[0], 0);
    ring.device.show();
    assertEquals(ring.takeAll(), [0, 1, null]);
    assertEquals([ring.vq.broken, ring.vq.usedCount()], [true, 0]);
  });
}
