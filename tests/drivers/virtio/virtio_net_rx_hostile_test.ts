import { assert, assertEquals } from "@std/assert";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import { HDR_BYTES, VIRTIO_NET_F_MRG_RXBUF } from "../../device/virtio_net_model.ts";
import { SeededRandom } from "../../stack/seeded_random.ts";
import { frame, NetLink } from "./net_link.ts";

/** A header with this num_buffers, and a frame behind it. */
function headed(buffers: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HDR_BYTES + content.length);
  bytes.set([buffers & 0xff, buffers >>> 8], 10);
  bytes.set(content, HDR_BYTES);
  return bytes;
}

/** Frames still arrive, and no netbuf was lost. */
function assertAlive(link: NetLink): void {
  link.model.receive(frame(60, 9));
  assertEquals(link.received(), [[...frame(60, 9)]]);
  assertEquals(link.pool.available, link.pool.size - 8);
  assertEquals(link.model.receiveBuffers().length, 8);
  assertEquals(link.events, []);
}

/** The shortest length of a frame with its two headers. */
const SHORTEST = HDR_BYTES + 14;
const CAPACITY = new NetLink().model.receiveBuffers()[0].pieces[0].length;

for (const length of [0, 1, 11, 12, 13, 25, CAPACITY + 1, 0xffff, 0x8000_0000, 0xffff_ffff]) {
  for (const more of [0n, VIRTIO_NET_F_MRG_RXBUF]) {
    const mode = more === 0n ? "alone" : "mergeable";
    Deno.test(`a used length of ${length}, ${mode}, costs its frame and no buffer`, () => {
      const link = new NetLink({ more });
      link.model.receive(frame(60, 1));
      link.model.receiveRaw({ bytes: headed(1, frame(60)), length });
      link.model.receive(frame(60, 2));
      assertEquals(link.received(), [[...frame(60, 1)], [...frame(60, 2)]]);
      const { drops, rxPackets } = link.netdev.statsGet();
      const short = length < SHORTEST ? 1 : 0;
      assertEquals([drops.rx_too_short, drops.rx_bad_length, rxPackets], [short, 1 - short, 2]);
      assertAlive(link);
    });
  }
}

Deno.test("the shortest and the longest length that can be are frames", () => {
  for (const length of [26, CAPACITY]) {
    const link = new NetLink();
    link.model.receiveRaw({ bytes: headed(1, frame(60)), length });
    const [netbuf] = link.burst();
    assertEquals([netbuf.length, netbuf.tailroom >= 0], [length - HDR_BYTES, true]);
    netbuf.free();
    assertAlive(link);
  }
});

Deno.test("bad lengths for hours leave the appliance as it was", () => {
  const link = new NetLink();
  for (let i = 0; i < 1000; i++) {
    link.model.receiveRaw({ bytes: headed(1, frame(60)), length: i % 2 === 0 ? 0 : 0xffff_ffff });
    assertEquals(link.received(), []);
  }
  const { drops, rxErrors } = link.netdev.statsGet();
  assertEquals([drops.rx_too_short, drops.rx_bad_length, rxErrors], [500, 500, 1000]);
  assertAlive(link);
});

for (const buffers of [0, 2, 3, 9, 0x7fff, 0xffff]) {
  Deno.test(`num_buffers of ${buffers}, where one was used, costs that frame alone`, () => {
    const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF });
    link.model.receiveRaw({ bytes: headed(buffers, frame(60)) });
    assertEquals(link.received(), []);
    assertEquals(link.netdev.statsGet().drops.rx_bad_buffer_count, 1);
    assertAlive(link);
  });
}

for (const length of [0, CAPACITY + 1, 0xffff_ffff]) {
  Deno.test(`a later piece with a length of ${length} costs its packet, not the next one`, () => {
    const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF });
    const piece = { bytes: frame(100) };
    for (const bad of [1, 2]) {
      const pieces = [{ bytes: headed(3, frame(60)) }, piece, piece];
      pieces[bad] = { ...piece, ...{ length } };
      link.model.receiveRaw(...pieces, { bytes: headed(1, frame(60, 5)) });
      assertEquals(link.received(), [[...frame(60, 5)]]);
    }
    assertEquals(link.netdev.statsGet().drops.rx_bad_length, 2);
    assertAlive(link);
  });
}

for (const more of [0n, VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_EVENT_IDX]) {
  const mode = more === 0n ? "plain" : "with all features";
  Deno.test(`a broken receive ring is reported, hands out nothing and never throws, ${mode}`, () => {
    const breakIt: ((link: NetLink) => void)[] = [
      ({ model }) => model.rx.use(8, 60),
      ({ model }) => model.rx.use(0xffff_ffff, 60),
      ({ model }) => model.rx.showIndex(9),
      ({ model }) => {
        const head = model.rx.take()?.head ?? 0;
        model.rx.use(head, 60);
        model.rx.use(head, 60);
      },
    ];
    for (const ruin of breakIt) {
      const link = new NetLink({ more });
      ruin(link);
      for (let i = 0; i < 5; i++) assert(link.received().length <= 1);
      assert(link.events.length > 0);
      assertEquals(link.events[0], "model broke the receive queue: its used ring is nonsense");
      link.netdev.close();
      assertEquals(link.pool.available, link.pool.size);
    }
  });
}

Deno.test("pieces of a packet that claims more of them are not taken for packets", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF });
  link.model.receiveRaw({ bytes: headed(5, frame(60, 1)) });
  link.model.receiveRaw({ bytes: headed(1, frame(60, 2)) });
  assertEquals(link.received(), []);
  assertEquals(link.netdev.statsGet().drops.rx_bad_buffer_count, 1);
  assertAlive(link);
});

Deno.test("a ring that breaks within a merged packet gives its pieces back", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF });
  const [{ pieces: [{ offset }], head }] = link.model.receiveBuffers();
  link.model.region.u8.set(headed(3, frame(60)), offset);
  link.model.rx.put(head, 72);
  link.model.rx.put(head, 72);
  link.model.rx.put(head, 72);
  link.model.rx.show();
  assertEquals(link.received(), []);
  assertEquals(link.events.length, 1);
  link.netdev.close();
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("whatever the device says of its buffers, each comes back to the pool, none twice", () => {
  const random = new SeededRandom(20260801);
  for (let round = 0; round < 300; round++) {
    const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF, stride: 256 });
    for (let burst = 0; burst < 20; burst++) {
      for (let i = random.below(8); i > 0 && link.model.receiveBuffers().length > 0; i--) {
        const length = [random.below(300), 0xffff_ffff, 72][random.below(3)];
        link.model.receiveRaw({ bytes: headed(random.below(5), frame(60)), length });
      }
      for (const bytes of link.received(random.below(9))) assert(bytes.length >= 14);
    }
    link.netdev.close();
    assertEquals(link.pool.available, link.pool.size);
    assertEquals(link.events, []);
  }
});
