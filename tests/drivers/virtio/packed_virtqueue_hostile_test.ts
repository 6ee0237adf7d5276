import { assertEquals } from "@std/assert";
import { packedRing } from "./virtqueue_ring.ts";

Deno.test("an id that was given back twice stays one that can't be, when it's lent again meanwhile", () => {
  for (const inOrder of [false, true]) {
    const ring = packedRing(4, { eventIndex: false, inOrder });
    for (let i = 0; i < 4; i++) ring.lend(i);
    const { head } = ring.take();
    ring.device.use(head, 0);
    ring.device.use(head, 0);
    assertEquals([ring.vq.usedCount(), ring.vq.takeUsed()], [2, 0]);
    // Takes the id that has become free, between two bursts.
    ring.lend(4);
    assertEquals([ring.vq.usedCount(), ring.vq.takeUsed(), ring.vq.broken], [1, null, true]);
    assertEquals([ring.vq.usedCount(), ring.vq.free], [0, 0]);
    assertEquals(ring.reclaimAll(), [1, 2, 3, 4]);
  }
});
