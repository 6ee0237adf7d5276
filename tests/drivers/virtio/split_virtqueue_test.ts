import { assert, assertEquals, assertThrows } from "@std/assert";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import { SeededRandom } from "../../stack/seeded_random.ts";
import { Ring } from "./split_virtqueue_ring.ts";

Deno.test("the three parts are aligned, do not overlap, and include the event fields", () => {
  const region = new IovaRegion(1 << 20);
  for (const size of [1, 2, 4, 256, 32768]) {
    const { addresses, free } = new SplitVirtqueue(new DmaArena(region, 0), size, true);
    const { descriptorArea, driverArea, deviceArea } = addresses;
    const parts = [[descriptorArea, 16 * size, 16], [driverArea, 6 + 2 * size, 2], [
      deviceArea,
      6 + 8 * size,
      4,
    ]];
    let end = region.deviceAddress(0);
    for (const [address, length, align] of parts) {
      assertEquals(address % align, 0);
      assert(address >= end, `${address} lies in the part before, which ends at ${end}`);
      end = address + length;
    }
    assertEquals([addresses.size, free], [size, size]);
  }
});

Deno.test("no used element is on two pages, wherever the ring lies", () => {
  const arena = new DmaArena(new IovaRegion(1 << 21), 0);
  for (const size of [256, 1024, 64, 4096]) {
    const { deviceArea } = new SplitVirtqueue(arena, size, true).addresses;
    for (let i = 0; i < size; i++) {
      const element = deviceArea + 4 + 8 * i;
      assertEquals(Math.floor(element / 4096), Math.floor((element + 7) / 4096), `element ${i}`);
    }
  }
});

Deno.test("memory that ends before avail_event does is ENOSPC", () => {
  // 2 descriptors from 0, the driver area of 10 bytes from 64, the device area of 22 from 132.
  new SplitVirtqueue(new DmaArena(new IovaRegion(156), 0), 2, true);
  const error = assertThrows(
    () => new SplitVirtqueue(new DmaArena(new IovaRegion(152), 0), 2, true),
    NetdevError,
  );
  assertEquals(error.code, "ENOSPC");
});

Deno.test("a published buffer is what the device sees: address, length and direction", () => {
  const { vq, device, region } = new Ring(4, false);
  vq.stage(5000, 100, true);
  vq.commit(1);
  assertEquals(device.available, 0);
  vq.publish();
  assertEquals(device.take()?.pieces, [{ offset: 5000, length: 100, deviceWrites: true }]);
  assertEquals(device.take(), null);
  // Through the region's own arithmetic it can't be told whether the upper half was written.
  assert(vq.addresses.descriptorArea > 2 ** 32 && region.deviceAddress(0) > 2 ** 32);
});

Deno.test("a chain is one buffer: its pieces in order, readable ones first", () => {
  const { vq, device } = new Ring(4, false);
  vq.stage(4096, 12, false);
  vq.stage(6000, 700, false);
  vq.stage(8000, 1, true);
  vq.commit(1);
  vq.publish();
  assertEquals(device.available, 1);
  assertEquals(device.take()?.pieces, [
    { offset: 4096, length: 12, deviceWrites: false },
    { offset: 6000, length: 700, deviceWrites: false },
    { offset: 8000, length: 1, deviceWrites: true },
  ]);
  assertEquals(vq.free, 1);
});

Deno.test("a used buffer comes back with its token and the length that the device claims", () => {
  const { vq, device } = new Ring(4, false);
  vq.stage(4096, 100, true);
  vq.commit(7);
  vq.publish();
  const head = device.take()?.head ?? -1;
  assertEquals(vq.usedCount(), 0);
  device.use(head, 0xffff_ffff);
  assertEquals(vq.usedCount(), 1);
  assertEquals(vq.takeUsed(), 7);
  assertEquals(vq.usedLength, 0xffff_ffff);
  assertEquals([vq.usedCount(), vq.free, vq.broken], [0, 4, false]);
});

Deno.test("the free count is exact through chains of every length", () => {
  const ring = new Ring(8, false);
  const lengths = [1, 3, 2, 1];
  lengths.forEach((length, i) => ring.lend(i, length));
  assertEquals(ring.vq.free, 1);
  const heads = lengths.map(() => ring.take().head);
  let free = 1;
  for (const i of [1, 3, 0, 2]) {
    ring.device.use(heads[i], 0);
    assertEquals(ring.takeAll(), [i]);
    free += lengths[i];
    assertEquals(ring.vq.free, free);
  }
  // Descriptors of a chain that came back are all usable again, none twice.
  for (let i = 0; i < 8; i++) ring.lend(i);
  const seen = new Set(Array.from({ length: 8 }, () => ring.take().head));
  assertEquals([ring.vq.free, seen.size], [0, 8]);
});

Deno.test("the device gives buffers back in its own order", () => {
  const ring = new Ring(8, true);
  for (let i = 0; i < 8; i++) ring.lend(i);
  const heads = Array.from({ length: 8 }, () => ring.take().head);
  const order = [3, 0, 7, 1, 2, 6, 5, 4];
  for (const i of order) ring.device.put(heads[i], i);
  assertEquals(ring.vq.usedCount(), 0);
  ring.device.show();
  assertEquals(ring.takeAll(), order);
});

for (const eventIndex of [false, true]) {
  Deno.test(`200,000 buffers pass a ring of 4, with event index: ${eventIndex}`, () => {
    const ring = new Ring(4, eventIndex);
    const random = new SeededRandom(4711);
    const atDevice: { readonly head: number; readonly number: number }[] = [];
    const lent: number[] = [];
    let next = 0;
    let back = 0;
    while (back < 200_000) {
      while (ring.vq.free > 0 && next < 200_000 && random.below(3) > 0) {
        lent.push(next);
        ring.lend(next++);
      }
      for (let buffer = ring.device.take(); buffer !== null; buffer = ring.device.take()) {
        const number = lent.shift() ?? -1;
        assertEquals(buffer.pieces[0].offset, 4096 + 64 * (number % 1024));
        atDevice.push({ head: buffer.head, number });
      }
      const used: number[] = [];
      while (atDevice.length > 0 && random.below(3) > 0) {
        const [{ head, number }] = atDevice.splice(random.below(atDevice.length), 1);
        ring.device.put(head, 0);
        used.push(number);
      }
      ring.device.show();
      assertEquals(ring.takeAll(), used);
      back += used.length;
    }
    assertEquals([ring.vq.broken, ring.vq.free, ring.device.availIndex], [
      false,
      4,
      200_000 & 0xffff,
    ]);
  });
}

Deno.test("descriptors are never read back: a device that scribbles over them changes nothing", () => {
  for (const byte of [0x00, 0x01, 0xff]) {
    const ring = new Ring(8, false);
    for (let round = 0; round < 20; round++) {
      ring.lend(1, 3);
      ring.lend(2, 2);
      const heads = [ring.take().head, ring.take().head];
      ring.device.scribbleDescriptors(byte);
      for (const head of heads) ring.device.use(head, 0);
      assertEquals(ring.takeAll(), [1, 2]);
      assertEquals([ring.vq.free, ring.vq.broken], [8, false]);
    }
  }
});

Deno.test("reclaim() gives each posted buffer once, published or not, and then null", () => {
  const ring = new Ring(8, false);
  ring.lend(1, 2);
  ring.lend(2);
  ring.lend(3);
  ring.post(4, 3);
  ring.take();
  ring.device.use(ring.take().head, 0);
  assertEquals(ring.takeAll(), [2]);
  const tokens: (number | null)[] = [];
  for (let token = ring.vq.reclaim(); token !== null; token = ring.vq.reclaim()) tokens.push(token);
  assertEquals(tokens.toSorted(), [1, 3, 4]);
  assertEquals(ring.vq.reclaim(), null);
});

Deno.test("in one piece a ring lies as a legacy device expects it, and is given back whole", () => {
  const region = new IovaRegion(1 << 20);
  const arena = new DmaArena(region, 100);
  const before = arena.available;
  for (const size of [2, 16, 256, 1024]) {
    const vq = new SplitVirtqueue(arena, size, true, { ringAlign: 4096 });
    const { descriptorArea, driverArea, deviceArea } = vq.addresses;
    // Virtio 1.2 §2.7.2: ALIGN(16 * size + 2 * (3 + size)), from a page on.
    const expected = Math.ceil((16 * size + 2 * (3 + size)) / 4096) * 4096;
    assertEquals(descriptorArea % 4096, 0);
    assertEquals([driverArea - descriptorArea, deviceArea - descriptorArea], [16 * size, expected]);
    vq.release();
    assertEquals(arena.available, before);
  }
});
