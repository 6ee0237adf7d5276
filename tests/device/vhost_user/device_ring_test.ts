import { assert, assertEquals, assertThrows } from "@std/assert";
import type { RingFormat } from "../../../drivers/virtio/virtqueue.ts";
import { BackEndError } from "./back_end_error.ts";
import { FrameDevice, NET_HEADER_BYTES } from "./frame_device.ts";
import { SharedRing } from "./shared_ring.ts";

const FORMATS: readonly RingFormat[] = ["split", "packed"];
const SIZE = 8;
const BUFFER_BYTES = 256;

/** Where buffer number n lies for the driver. */
function bufferAt(n: number): number {
  return BUFFER_BYTES * n;
}

function bytes(count: number, first = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => first + i);
}

for (const format of FORMATS) {
  for (const indirectEntries of [0, 4]) {
    const name = `${format} device ring${indirectEntries > 0 ? ", indirect" : ""}`;

    Deno.test(`${name}: buffers of one piece and of three come and go many times around`, () => {
      using shared = new SharedRing({ format, size: SIZE, indirectEntries });
      const { ring, vq, memory } = shared;
      for (let n = 0; n < 100; n++) {
        vq.post(bufferAt(0), 16, false, n);
        for (const piece of [1, 2, 3]) vq.stage(bufferAt(piece), 10 * piece, piece > 1);
        vq.commit(n + 1000);
        vq.publish();
        assert(ring.ready());
        ring.next();
        assertEquals([ring.pieces, ring.readable, ring.length], [1, 1, 16]);
        ring.use(0);
        assert(ring.ready());
        ring.next();
        assertEquals([ring.pieces, ring.readable], [3, 1]);
        assertEquals([...ring.lengths.subarray(0, 3)], [10, 20, 30]);
        memory.u8[ring.offsets[2]] = n;
        assertEquals(shared.region.u8[bufferAt(3)], n);
        ring.use(50);
        assert(!ring.ready());
        assertEquals(vq.usedCount(), 0, "seen before it was published");
        ring.publish();
        assertEquals(vq.usedCount(), 2);
        assertEquals([vq.takeUsed(), vq.takeUsed(), vq.usedLength], [n, n + 1000, 50]);
      }
    });
  }

  for (const eventIndex of [false, true]) {
    const name = `${format} device ring${eventIndex ? ", event index" : ""}`;

    Deno.test(`${name}: the driver is interrupted when it has asked to be, across the wrap`, () => {
      using shared = new SharedRing({ format, size: SIZE, eventIndex });
      const { ring, vq } = shared;
      let wanted = 0;
      for (let n = 0; n < 50; n++) {
        const burst = 1 + n % 5;
        const arm = n % 3 !== 0;
        for (let i = 0; i < burst; i++) vq.post(bufferAt(i), 16, false, i);
        vq.publish();
        if (arm) assert(vq.enableInterrupts());
        else vq.disableInterrupts();
        for (let i = 0; i < burst; i++) {
          assert(ring.ready());
          ring.next();
          ring.use(0);
        }
        assertEquals(ring.publish(), arm, `burst ${n}`);
        assertEquals(vq.usedCount(), burst);
        for (let i = 0; i < burst; i++) vq.takeUsed();
        wanted += arm ? 1 : 0;
      }
      assert(wanted > 20);
    });

    Deno.test(`${name}: the driver kicks only while it is asked to`, () => {
      using shared = new SharedRing({ format, size: SIZE, eventIndex });
      const { ring, vq } = shared;
      for (let n = 0; n < 50; n++) {
        const on = n % 2 === 0;
        ring.wantKicks(on);
        vq.post(bufferAt(0), 16, false, n);
        assertEquals(vq.publish(), on, `buffer ${n}`);
        assert(ring.ready());
        ring.next();
        ring.use(0);
        ring.publish();
        vq.usedCount();
        vq.takeUsed();
      }
    });
  }

  Deno.test(`${format} device ring: another one goes on where it has stopped`, () => {
    using shared = new SharedRing({ format, size: SIZE });
    const { vq } = shared;
    let { ring } = shared;
    for (let n = 0; n < 50; n++) {
      vq.post(bufferAt(0), 16, false, n);
      vq.publish();
      assert(ring.ready());
      ring.next();
      ring.use(0);
      ring.publish();
      assertEquals(vq.usedCount(), 1);
      assertEquals(vq.takeUsed(), n);
      if (n % 7 === 0) ring = shared.attach(ring.base);
    }
  });

  Deno.test(`${format} device ring: a descriptor outside the memory table ends it in words`, () => {
    using shared = new SharedRing({ format, size: SIZE });
    const { ring, vq } = shared;
    vq.post(shared.region.byteLength - 8, 16, false, 0);
    vq.publish();
    assert(ring.ready());
    assertThrows(() => ring.next(), BackEndError, "16 bytes at 0x2300ffff8, outside");
  });

  Deno.test(`${format} device ring: a frame is spread over mergeable buffers`, () => {
    using shared = new SharedRing({ format, size: SIZE });
    const { ring, vq, region, memory } = shared;
    const device = new FrameDevice(memory, true);
    const frame = bytes(200);
    for (let n = 0; n < 3; n++) vq.post(bufferAt(n) + 1, 100, true, n);
    vq.publish();
    assert(ring.ready());
    device.deliver(ring, frame);
    ring.publish();
    assertEquals(vq.usedCount(), 3);
    const got: number[] = [];
    for (let n = 0; n < 3; n++) {
      assertEquals(vq.takeUsed(), n);
      const start = bufferAt(n) + 1;
      got.push(...region.u8.subarray(start, start + vq.usedLength));
    }
    assertEquals(got.slice(0, NET_HEADER_BYTES), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
    assertEquals(got.slice(NET_HEADER_BYTES), [...frame]);
  });

  Deno.test(`${format} device ring: without mergeable buffers a frame has to fit`, () => {
    using shared = new SharedRing({ format, size: SIZE });
    const device = new FrameDevice(shared.memory, false);
    shared.vq.post(bufferAt(0), 100, true, 0);
    shared.vq.publish();
    assert(shared.ring.ready());
    assertThrows(() => device.deliver(shared.ring, bytes(200)), BackEndError, "doesn't fit");
  });

  Deno.test(`${format} device ring: a frame in pieces is put together`, () => {
    using shared = new SharedRing({ format, size: SIZE });
    const { ring, vq, region } = shared;
    const packet = bytes(40);
    region.u8.set(packet.subarray(0, NET_HEADER_BYTES), bufferAt(0));
    region.u8.set(packet.subarray(NET_HEADER_BYTES, 25), bufferAt(1) + 1);
    region.u8.set(packet.subarray(25), bufferAt(2));
    vq.stage(bufferAt(0), NET_HEADER_BYTES, false);
    vq.stage(bufferAt(1) + 1, 25 - NET_HEADER_BYTES, false);
    vq.stage(bufferAt(2), 15, false);
    vq.commit(0);
    vq.publish();
    assert(ring.ready());
    ring.next();
    const taken = new FrameDevice(shared.memory, false).taken(ring);
    assertEquals(taken, new Uint8Array(packet.subarray(NET_HEADER_BYTES)));
  });
}

/** A split ring with one buffer available, whose descriptor 0 is then written over. */
function withDescriptor(flags: number, next: number, test: (shared: SharedRing) => void): void {
  using shared = new SharedRing({ format: "split", size: SIZE });
  shared.vq.post(bufferAt(0), 16, false, 0);
  shared.vq.publish();
  const word = (shared.vq.addresses.descriptorArea - shared.region.deviceAddress(0)) >>> 2;
  shared.region.u32[word + 3] = flags | next << 16;
  assert(shared.ring.ready());
  test(shared);
}

Deno.test("split device ring: a chain that turns in a circle ends", () => {
  withDescriptor(1, 0, ({ ring }) => {
    assertThrows(() => ring.next(), BackEndError, "more than 64 descriptors");
  });
});

Deno.test("split device ring: a chain that leaves the table ends", () => {
  withDescriptor(1, SIZE, ({ ring }) => {
    assertThrows(() => ring.next(), BackEndError, "descriptor 8 is not in a table of 8");
  });
});

Deno.test("split device ring: an indirect table of odd length is none", () => {
  withDescriptor(4, 0, ({ ring, region, vq }) => {
    region.u32[((vq.addresses.descriptorArea - region.deviceAddress(0)) >>> 2) + 2] = 17;
    assertThrows(() => ring.next(), BackEndError, "indirect table of 17 bytes");
  });
});

Deno.test("split device ring: an available index that jumps ends it in words", () => {
  using shared = new SharedRing({ format: "split", size: SIZE });
  const index = (shared.vq.addresses.driverArea - shared.region.deviceAddress(0)) >>> 1;
  shared.region.u16[index + 1] = SIZE + 1;
  assertThrows(() => shared.ring.ready(), BackEndError, "9 buffers became available");
});
