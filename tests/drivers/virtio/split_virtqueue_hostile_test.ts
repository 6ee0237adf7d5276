import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../../stack/seeded_random.ts";
import { Ring } from "./split_virtqueue_ring.ts";
import { ringOf } from "./virtqueue_ring.ts";

/** Two buffers at the device, the first of them a chain of 3 descriptors. */
function lentRing(): { readonly ring: Ring; readonly chain: number; readonly single: number } {
  const ring = new Ring(8, false);
  ring.lend(1, 3);
  ring.lend(2);
  return { ring, chain: ring.take().head, single: ring.take().head };
}

/** The queue is broken: nothing more comes of it, and nothing is thrown. */
function assertBroken(ring: Ring): void {
  assertEquals(ring.vq.broken, true);
  for (let i = 0; i < 3; i++) assertEquals(ring.vq.usedCount(), 0);
  const free = ring.vq.free;
  const tokens: (number | null)[] = [];
  for (let token = ring.vq.reclaim(); token !== null; token = ring.vq.reclaim()) tokens.push(token);
  assert(tokens.length <= 2 && free <= 8);
}

const OUT_OF_RANGE = [8, 9, 0xff, 0x7fff, 0xffff, 0x1_0000, 0x8000_0000, 0xffff_ffff];

for (const id of OUT_OF_RANGE) {
  Deno.test(`used id ${id} in a ring of 8 breaks the queue`, () => {
    const { ring } = lentRing();
    ring.device.use(id, 0);
    assertEquals(ring.vq.usedCount(), 1);
    assertEquals(ring.vq.takeUsed(), null);
    assertBroken(ring);
  });
}

Deno.test("an id whose low bits are a good head is no head: nothing is cut off", () => {
  for (const bit of [8, 16, 24, 31]) {
    const { ring, single } = lentRing();
    ring.device.use((single | 1 << bit) >>> 0, 0);
    assertEquals(ring.takeAll(), [null]);
    assertBroken(ring);
  }
});

Deno.test("a descriptor that was never posted breaks the queue", () => {
  const { ring, chain, single } = lentRing();
  const others = Array.from({ length: 8 }, (_, i) => i).filter((i) => i !== chain && i !== single);
  assertEquals(others.length, 6);
  for (const id of others) {
    const { ring } = lentRing();
    ring.device.use(id, 0);
    assertEquals(ring.takeAll(), [null], `descriptor ${id}: of the chain's middle, or free`);
    assertBroken(ring);
  }
  assertEquals(ring.vq.broken, false);
});

Deno.test("a buffer that is given back twice breaks the queue, at the second time", () => {
  for (const atOnce of [true, false]) {
    const { ring, chain } = lentRing();
    ring.device.put(chain, 0);
    if (!atOnce) {
      ring.device.show();
      assertEquals(ring.takeAll(), [1]);
    }
    ring.device.put(chain, 0);
    ring.device.show();
    assertEquals(ring.takeAll(), atOnce ? [1, null] : [null]);
    assertEquals(ring.vq.free, 7);
    assertBroken(ring);
  }
});

Deno.test("a used index beyond what is outstanding breaks the queue, and none is handed out", () => {
  for (const index of [3, 4, 8, 100, 0x7fff, 0x8000, 0xfffe, 0xffff]) {
    const { ring, chain, single } = lentRing();
    ring.device.put(chain, 0);
    ring.device.put(single, 0);
    ring.device.showIndex(index);
    assertEquals(ring.vq.usedCount(), 0, `index ${index}`);
    assertBroken(ring);
  }
});

Deno.test("outstanding is what is out now, not what ever was", () => {
  const ring = new Ring(8, false);
  ring.pass(100);
  ring.lend(1);
  ring.device.showIndex(102);
  assertEquals(ring.vq.usedCount(), 0);
  assertBroken(ring);
});

Deno.test("a used index that goes back breaks the queue", () => {
  const { ring, chain, single } = lentRing();
  ring.device.use(chain, 0);
  ring.device.use(single, 0);
  assertEquals(ring.takeAll(), [1, 2]);
  ring.device.showIndex(1);
  assertEquals(ring.vq.usedCount(), 0);
  assertBroken(ring);
});

Deno.test("a queue that broke stays so, though the device repents", () => {
  const { ring, chain } = lentRing();
  ring.device.showIndex(100);
  assertEquals(ring.vq.usedCount(), 0);
  ring.device.showIndex(0);
  ring.device.use(chain, 0);
  assertEquals(ring.vq.usedCount(), 0);
  assertEquals(ring.vq.broken, true);
});

Deno.test("any used ring is survived: 20,000 of random content", () => {
  const random = new SeededRandom(4711);
  let broken = 0;
  for (let round = 0; round < 20_000; round++) {
    const { ring } = lentRing();
    for (let i = 0; i < 4; i++) ring.device.put(random.below(9), random.below(2 ** 32));
    ring.device.showIndex(random.below(5));
    const tokens = ring.takeAll();
    assert(tokens.length <= 2);
    const real = tokens.filter((token) => token !== null);
    assertEquals(new Set(real).size, real.length, "no buffer is handed out twice");
    if (ring.vq.broken) broken++;
  }
  assert(broken > 10_000 && broken < 20_000);
});

Deno.test("a broken queue may be armed: nothing comes of it any more, so there's nothing to poll", () => {
  for (const eventIndex of [false, true]) {
    const ring = new Ring(8, eventIndex);
    ring.lend(1);
    ring.device.showIndex(5);
    assertEquals([ring.vq.usedCount(), ring.vq.enableInterrupts()], [0, true]);
  }
});

Deno.test("in order, an index that goes back behind what was seen breaks the queue at once", () => {
  const ring = ringOf(4, { format: "split", eventIndex: false, inOrder: true });
  for (let i = 0; i < 4; i++) ring.lend(i);
  for (let i = 0; i < 3; i++) ring.device.use(ring.take().head, 0);
  assertEquals([ring.vq.usedCount(), ring.vq.takeUsed()], [3, 0]);
  ring.device.showIndex(2);
  assertEquals([ring.vq.usedCount(), ring.vq.broken], [0, true]);
  assertEquals(ring.reclaimAll(), [1, 2, 3]);
});
