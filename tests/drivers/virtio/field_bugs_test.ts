import { assert, assertEquals } from "@std/assert";
import { type FeatureName, featureSet } from "../../../drivers/virtio/features.ts";
import { VirtioNetRx } from "../../../drivers/virtio/virtio_net_rx.ts";
import { VirtioNetTx } from "../../../drivers/virtio/virtio_net_tx.ts";
import type { Virtqueue } from "../../../drivers/virtio/virtqueue.ts";
import { createVirtqueue } from "../../../drivers/virtio/create_virtqueue.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes } from "../../../netdev/netbuf_pool.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import {
  createRingDevice,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_RING_PACKED,
} from "../../device/ring_device.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { frame, NetLink } from "./net_link.ts";
import { packedRing, ringOf } from "./virtqueue_ring.ts";

/*
 * Bugs that drivers of virtio's cards have had, each as what it looked like to their users. Every
 * test has failed with the mend taken out.
 */

const RINGS = [
  { ring: "split", more: VIRTIO_F_EVENT_IDX },
  { ring: "packed", more: VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED },
] as const;

Deno.test("the event index at the 16-bit wrap: a burst across it kicks, and one behind it doesn't", () => {
  for (const burst of [2, 3, 4]) {
    const ring = ringOf(4, { format: "split", eventIndex: true });
    ring.pass(65536 - burst + 1);
    ring.device.wantKicks(true);
    for (let i = 0; i < burst; i++) ring.post(i);
    assertEquals(ring.vq.publish(), true, `${burst} buffers, the last one at index 0`);
    for (let i = 0; i < burst; i++) ring.device.use(ring.take().head, 0);
    assertEquals(ring.takeAll().length, burst);
    // What it wanted to hear of has passed; nothing else is wanted.
    ring.post(1);
    assertEquals(ring.vq.publish(), false);
  }
});

Deno.test("the event index at the 16-bit wrap: an armed queue hears of the buffer behind it", () => {
  const ring = ringOf(4, { format: "split", eventIndex: true });
  ring.pass(65535);
  for (let i = 0; i < 3; i++) {
    ring.lend(i);
    assert(ring.vq.enableInterrupts());
    assertEquals(ring.device.use(ring.take().head, 0), true, `index ${(65535 + i) & 0xffff}`);
    assertEquals(ring.takeAll(), [i]);
  }
});

Deno.test("the event index at a packed ring's own wrap: kicks and interrupts go on for ever", () => {
  for (const size of [3, 5, 8]) {
    const ring = packedRing(size, { eventIndex: true });
    for (let i = 0; i < 10 * size; i++) {
      ring.device.wantKicks(true);
      ring.post(1);
      ring.post(2);
      assertEquals(ring.vq.publish(), true, `size ${size}, burst ${i}`);
      assert(ring.vq.enableInterrupts());
      assertEquals(ring.device.use(ring.take().head, 0), true, `size ${size}, burst ${i}`);
      ring.device.use(ring.take().head, 0);
      assertEquals(ring.takeAll(), [1, 2]);
    }
  }
});

for (const options of RINGS) {
  Deno.test(`a refill that never kicks: a device that waits for buffers hears of them: ${options.ring}`, () => {
    const link = new NetLink(options);
    // It takes all there is, and asks to hear of more, as a device does that has to drop frames.
    for (let i = 0; i < 8; i++) assert(link.model.receive(frame(60, i)));
    assertEquals(link.model.receive(frame(60)), false);
    link.model.rx.wantKicks(true);
    const kicks = link.model.kicks(0);
    assertEquals(link.received().length, 8);
    assertEquals(link.model.kicks(0), kicks + 1);
    assert(link.model.receive(frame(60)));
  });

  Deno.test(`a refill that never kicks: the first buffers of all are told of: ${options.ring}`, () => {
    const link = new NetLink(options);
    assertEquals(link.model.kicks(0), 1);
    assertEquals(link.model.receiveBuffers().length, 8);
  });

  Deno.test(`starvation when the pool runs dry: a queue without buffers isn't slept on: ${options.ring}`, () => {
    const link = new NetLink({ ...options, netbufs: 8 });
    for (let i = 0; i < 8; i++) link.model.receive(frame(60, i));
    const held = link.burst();
    assertEquals([held.length, link.pool.available], [8, 0]);
    // Nothing waits, and nothing ever will: no interrupt can come of a device without a buffer.
    assertEquals(link.netdev.rxqIntrEnable(0), 1, "poll again");
    assertEquals(link.model.receive(frame(60)), false);
    for (const netbuf of held) netbuf.free();
    assertEquals(link.netdev.rxqIntrEnable(0), 0, "refilled, kicked and armed");
    assert(link.model.receive(frame(60, 9)));
    assertEquals(link.received(), [[...frame(60, 9)]]);
  });

  Deno.test(`starvation when the pool runs dry: one buffer is enough to go on: ${options.ring}`, () => {
    const link = new NetLink({ ...options, netbufs: 8 });
    for (let i = 0; i < 8; i++) link.model.receive(frame(60, i));
    const [first, ...held] = link.burst();
    first.free();
    for (let i = 0; i < 20; i++) {
      assertEquals(link.netdev.rxqIntrEnable(0), 0);
      assert(link.model.receive(frame(60 + i, i)));
      assertEquals(link.received(), [[...frame(60 + i, i)]]);
    }
    for (const netbuf of held) netbuf.free();
  });
}

/** Every length of header that there is. */
const HEADERS: readonly (readonly [bytes: number, features: readonly FeatureName[]])[] = [
  [10, []],
  [12, ["VIRTIO_NET_F_MRG_RXBUF"]],
  [12, ["VIRTIO_F_VERSION_1"]],
  [12, ["VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MRG_RXBUF", "VIRTIO_F_RING_PACKED"]],
  [20, ["VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MRG_RXBUF", "VIRTIO_NET_F_HASH_REPORT"]],
];

for (const [headerBytes, names] of HEADERS) {
  const features = featureSet(...names);

  Deno.test(`header bytes counted in the length: a frame behind ${headerBytes} is as long as it is: ${names.join(" ")}`, () => {
    const region = new IovaRegion(1 << 18);
    const arena = new DmaArena(region, 4096);
    const options = { count: 8, stride: 512 };
    const pool = new NetbufPool(region, arena.alloc(netbufPoolBytes(options), 64), options);
    const queue = (chains: boolean): Virtqueue<Netbuf> =>
      createVirtqueue<Netbuf>(arena, 4, features, chains);
    const rx = new VirtioNetRx(queue(false), pool, features);
    const tx = new VirtioNetTx(queue(true), region, features, 1500);
    const rxDevice = createRingDevice(region, rx.vq.addresses, features);
    const txDevice = createRingDevice(region, tx.vq.addresses, features);
    rx.fill();
    rx.kick({ ring: () => {} });
    tx.start({ ring: () => {} });
    for (const length of [14, 15, 60, 300]) {
      const buffer = rxDevice.take();
      assert(buffer !== null);
      const [{ offset }] = buffer.pieces;
      region.u8.fill(0xee, offset, offset + headerBytes);
      if (headerBytes > 10) region.u8.set([1, 0], offset + 10);
      region.u8.set(frame(length), offset + headerBytes);
      rxDevice.use(buffer.head, headerBytes + length);
      const netbufs: Netbuf[] = [];
      assertEquals(rx.burst(netbufs, 4), 1);
      assertEquals(packetBytes(netbufs[0]), [...frame(length)]);
      assertEquals(netbufs[0].data & 3, 2);
      // And back: the header is all zero, and not part of the frame.
      assertEquals(tx.burst(netbufs, 0, 1), 1);
      const sent = txDevice.take();
      assertEquals(sent?.pieces.map(({ length }) => length), [headerBytes + length]);
      const start = sent?.pieces[0].offset ?? 0;
      assertEquals(
        [...region.u8.subarray(start, start + headerBytes + length)],
        [...new Uint8Array(headerBytes), ...frame(length)],
      );
      txDevice.use(sent?.head ?? -1, 0);
      tx.reclaim();
    }
    assertEquals([rx.packets, rx.bytes], [4, 14 + 15 + 60 + 300]);
    // One byte less than a header and an Ethernet header is no frame.
    const runt = rxDevice.take();
    rxDevice.use(runt?.head ?? -1, headerBytes + 13);
    assertEquals(rx.burst([], 4), 0);
    assertEquals(rx.drops.rx_too_short, 1);
  });
}
