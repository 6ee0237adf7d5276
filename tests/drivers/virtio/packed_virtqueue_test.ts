import { assert, assertEquals, assertThrows } from "@std/assert";
import { PackedVirtqueue } from "../../../drivers/virtio/packed_virtqueue.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import { SeededRandom } from "../../stack/seeded_random.ts";
import { packedRing } from "./virtqueue_ring.ts";

/** §2.8.10: flags of event suppression. */
const DESC = 2;

Deno.test("the three parts of a packed ring are aligned and do not overlap, at any size", () => {
  const region = new IovaRegion(1 << 20);
  for (const size of [1, 2, 3, 100, 255, 32768]) {
    const { addresses, free } = new PackedVirtqueue(new DmaArena(region, 0), size, true);
    const { descriptorArea, driverArea, deviceArea } = addresses;
    let end = region.deviceAddress(0);
    for (
      const [address, length, align] of [[descriptorArea, 16 * size, 16], [driverArea, 4, 4], [
        deviceArea,
        4,
        4,
      ]]
    ) {
      assertEquals(address % align, 0);
      assert(address >= end);
      end = address + length;
    }
    assertEquals([addresses.size, free], [size, size]);
  }
});

Deno.test("a packed ring gives its memory back, tables and all, and takes none that it can't have", () => {
  const arena = new DmaArena(new IovaRegion(4096), 0);
  const before = arena.available;
  new PackedVirtqueue(arena, 8, true, { indirectEntries: 4 }).release();
  assertEquals(arena.available, before);
  // 128 + 64 + 4 bytes for the ring are there, 32 KiB for tables are not.
  const error = assertThrows(
    () => new PackedVirtqueue(arena, 8, true, { indirectEntries: 256 }),
    NetdevError,
  );
  assertEquals([error.code, arena.available], ["ENOSPC", before]);
});

Deno.test("a packed ring of one descriptor works, lap after lap", () => {
  const ring = packedRing(1, { eventIndex: true });
  ring.pass(9);
  assertEquals([ring.vq.free, ring.vq.broken], [1, false]);
});

Deno.test("of a burst the device sees nothing before publish(), then all of it", () => {
  for (const size of [3, 4, 7]) {
    const ring = packedRing(size, { eventIndex: false });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 3; i++) ring.post(i);
      assertEquals(ring.device.available, 0, `size ${size}, round ${round}`);
      ring.vq.publish();
      assertEquals(ring.device.available, 3);
      for (let i = 0; i < 3; i++) ring.device.use(ring.take().head, 0);
      assertEquals(ring.takeAll(), [0, 1, 2]);
    }
  }
});

Deno.test("with the event index a kick is for the descriptor that was named, in its own lap", () => {
  // Model: every descriptor that was made available has its off_wrap; is the named one among them?
  const size = 5;
  for (let start = 0; start < 2 * size; start++) {
    for (let event = 0; event < 2 * size; event++) {
      for (let count = 1; count <= size; count++) {
        const ring = packedRing(size, { eventIndex: true });
        ring.pass(start);
        ring.device.setEvent(offWrap(event, size), DESC);
        for (let i = 0; i < count; i++) ring.post(i);
        const added = Array.from({ length: count }, (_, i) => (start + i) % (2 * size));
        // A device asks for what is to come, a lap ahead at most: what lies further back was passed.
        const distance = (event - start + 2 * size) % (2 * size);
        if (distance >= size) continue;
        const wanted = added.includes(event);
        assertEquals(ring.vq.publish(), wanted, `from ${start}, ${count} more, event ${event}`);
      }
    }
  }
});

function offWrap(place: number, size: number): number {
  return place % size | (place % (2 * size) < size ? 0x8000 : 0);
}

Deno.test("an event that was passed, or whose flags are reserved, is no reason not to go on", () => {
  const ring = packedRing(4, { eventIndex: true });
  ring.device.setEvent(0x8000 | 0x7fff, 3);
  ring.post(1);
  assertEquals(ring.vq.publish(), true, "rather a kick too many");
  const without = packedRing(4, { eventIndex: false });
  without.device.setEvent(0x8003, DESC);
  without.post(1);
  assertEquals(without.vq.publish(), true, "DESC was not negotiated");
});

Deno.test("flags that aren't those of the lap are no used descriptor", () => {
  const ring = packedRing(4, { eventIndex: false });
  ring.lend(1);
  const { head } = ring.take();
  // available; used in another lap; what no side writes
  for (const flags of [0x80, 0x0000, 0x8000]) {
    ring.device.scribbleUsed(head, 0, flags);
    assertEquals([ring.vq.usedCount(), ring.vq.broken], [0, false], `flags ${flags}`);
  }
  ring.device.scribbleUsed(head, 5, 0xffff);
  assertEquals([ring.vq.usedCount(), ring.vq.takeUsed(), ring.vq.usedLength], [1, 1, 5]);
});

Deno.test("every id of 16 bits that isn't lent breaks a packed queue, and no other does", () => {
  let broken = 0;
  for (let id = 0; id < 0x10000; id += id < 64 ? 1 : 251) {
    const ring = packedRing(5, { eventIndex: false });
    ring.lend(1, 3);
    ring.lend(2);
    const lent = [ring.take().head, ring.take().head].includes(id);
    ring.device.scribbleUsed(id, 0, 0x8080);
    const [token] = ring.takeAll();
    assertEquals([token === null, ring.vq.broken], [!lent, !lent], `id ${id}`);
    if (!lent) broken++;
  }
  assert(broken > 300);
});

Deno.test("any content of a packed ring is survived: 20,000 of random content", () => {
  const random = new SeededRandom(4711);
  let broken = 0;
  for (let round = 0; round < 20_000; round++) {
    const ring = packedRing(5, { eventIndex: true, inOrder: round % 2 === 1 });
    for (let i = 0; i < 3; i++) ring.lend(i);
    const { u32 } = ring.region;
    const word = (ring.vq.addresses.descriptorArea - ring.region.deviceAddress(0)) / 4;
    for (let slot = 0; slot < 5; slot++) {
      u32[word + 4 * slot + 2] = random.below(2 ** 32);
      u32[word + 4 * slot + 3] = (random.below(6) | (random.below(4) * 0x80800000 >>> 0)) >>> 0;
      if (random.below(3) > 0) u32[word + 4 * slot + 3] = (0x80800000 | random.below(4)) >>> 0;
    }
    const tokens = [...ring.takeAll(), ...ring.takeAll()];
    assert(tokens.length <= 4);
    const real = tokens.filter((token) => token !== null);
    assertEquals(new Set(real).size, real.length, "no buffer is handed out twice");
    assertEquals([...real, ...ring.reclaimAll()].sort(), [0, 1, 2], "and none is lost");
    if (ring.vq.broken) broken++;
  }
  assert(broken > 1000 && broken < 20_000, `${broken} were broken`);
});
