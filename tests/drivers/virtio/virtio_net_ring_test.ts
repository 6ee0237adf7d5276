import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
} from "../../device/ring_device.ts";
import {
  VIRTIO_NET_F_MRG_RXBUF,
  type VirtioNetModelOptions,
} from "../../device/virtio_net_model.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { frame, NetLink, type NetLinkOptions, ProbedNet } from "./net_link.ts";

/* A network card with each kind of ring, by the calls that a host makes. */

const RINGS: readonly (readonly [name: string, options: NetLinkOptions])[] = [
  ["split", {}],
  ["split, in order", { more: VIRTIO_F_IN_ORDER }],
  ["split, everything", {
    more: VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_IN_ORDER | VIRTIO_NET_F_MRG_RXBUF,
  }],
  ["packed", { ring: "packed", more: VIRTIO_F_RING_PACKED }],
  ["packed of 7", { ring: "packed", more: VIRTIO_F_RING_PACKED, queueSizes: [7, 7] }],
  ["packed, event index, mergeable", {
    ring: "packed",
    more: VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF,
  }],
  ["packed, everything", {
    ring: "packed",
    more: VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_IN_ORDER |
      VIRTIO_NET_F_MRG_RXBUF,
  }],
];

for (const [name, options] of RINGS) {
  const { more = 0n } = options;
  const isMergeable = (more & VIRTIO_NET_F_MRG_RXBUF) !== 0n;

  Deno.test(`5,000 frames of all lengths go up and down unchanged: ${name}`, () => {
    let events = 0;
    const link = new NetLink({ ...options, onEvent: () => events++ });
    for (let i = 0; i < 1000; i++) {
      const frames = Array.from({ length: 5 }, (_, n) => frame(14 + (i * 5 + n) % 1501, i + n));
      for (const bytes of frames) assert(link.model.receive(bytes));
      const netbufs = link.burst(3);
      assertEquals(netbufs.length, 3);
      netbufs.push(...link.burst(3));
      assertEquals(netbufs.length, 5);
      assertEquals(link.send(...netbufs), 5);
      const sent = link.model.transmit();
      assertEquals(sent.map(({ frame }) => frame), frames.map((bytes) => [...bytes]));
      assert(sent.every(({ header }) => header.every((byte) => byte === 0)));
    }
    assertEquals(link.netdev.statsGet().drops.rx_bad_length, 0);
    assertEquals(link.events, []);
    assertEquals(events, 0, "interrupts are off");
  });

  if (isMergeable) {
    Deno.test(`a frame over several buffers comes as one packet, and goes as one: ${name}`, () => {
      const link = new NetLink({ ...options, stride: 512, netbufs: 64 });
      for (let i = 0; i < 100; i++) {
        const bytes = frame(1500, i);
        assert(link.model.receive(bytes));
        const [packet] = link.burst();
        assertEquals(packet.chainLength(), 1500);
        assertEquals(link.send(packet), 1);
        const [sent] = link.model.transmit();
        assertEquals(sent.frame, [...bytes]);
        assertEquals(sent.pieces, 4);
      }
    });
  }

  Deno.test(`an interrupt comes for the next frame when armed, and none when not: ${name}`, () => {
    let events = 0;
    const link = new NetLink({ ...options, onEvent: () => events++ });
    for (let i = 1; i <= 50; i++) {
      assertEquals(link.netdev.rxqIntrEnable(0), 0);
      link.model.receive(frame(60));
      assertEquals(events, i);
      assertEquals(link.netdev.rxqIntrEnable(0), 1, "a frame waits");
      link.netdev.rxqIntrDisable(0);
      assertEquals(link.received().length, 1);
      link.model.receive(frame(60));
      assertEquals(link.received().length, 1);
      assertEquals(events, i);
    }
  });

  Deno.test(`a ring that breaks is told once, and all is well after a restart: ${name}`, () => {
    const link = new NetLink(options);
    link.model.receive(frame(60));
    link.model.rx.showIndex(1000);
    link.burst();
    assertEquals(link.events, ["model broke the receive queue: its used ring is nonsense"]);
    link.netdev.stop();
    assert(link.pool.available >= 31);
    link.netdev.start();
    link.model.receive(frame(99, 5));
    assertEquals(link.received(), [[...frame(99, 5)]]);
  });
}

Deno.test("in order, frames that a batch gives back are sent, and their netbufs free again", () => {
  for (const ring of ["split", "packed"] as const) {
    const more = VIRTIO_F_IN_ORDER | VIRTIO_F_RING_PACKED;
    const link = new NetLink({ ring, more, netbufs: 24 });
    for (let i = 0; i < 50; i++) {
      const free = link.pool.available;
      assertEquals(link.send(...[1, 2, 3].map((n) => link.packet(frame(60, n)))), 3);
      const buffers = link.model.takeTransmit();
      link.model.tx.putBatch(buffers.map(({ head }) => head), 0);
      link.model.tx.show();
      link.netdev.txqReclaim(0);
      assertEquals(link.pool.available, free);
    }
  }
});

Deno.test("packed rings that aren't offered are ENOTSUP, and the message says what is", () => {
  const net = new ProbedNet({ ring: "packed" });
  const error = assertThrows(() => net.netdev.probe(), NetdevError);
  assertEquals(
    [error.code, error.message],
    ["ENOTSUP", "model offers no packed rings (VIRTIO_F_RING_PACKED): use split ones"],
  );
});

Deno.test("packed rings that are offered and not asked for are not accepted", () => {
  const net = new ProbedNet({ more: VIRTIO_F_RING_PACKED });
  net.netdev.probe();
  assertEquals(net.model.accepted & VIRTIO_F_RING_PACKED, 0n);
});

Deno.test("the size of a ring: any for packed, a power of two for split, and no more than there is", () => {
  const more = VIRTIO_F_RING_PACKED;
  const queueSizes = [64, 64];
  const sized = (ring: "split" | "packed", size: number): readonly number[] => {
    const { netdev, model } = set({ ring, more, queueSizes }, size);
    netdev.start();
    return [model.rx.size, model.tx.size];
  };
  assertEquals(sized("packed", 63), [63, 63]);
  assertEquals(sized("packed", 2), [2, 2]);
  assertEquals(sized("split", 32), [32, 32]);
  const split = assertThrows(() => sized("split", 63), NetdevError);
  assertEquals(split.message, "63 descriptors: a power of two from 2 to 64 is needed");
  for (const ring of ["split", "packed"] as const) {
    const error = assertThrows(() => sized(ring, 65), NetdevError);
    assertEquals([error.code, error.message], ["ENOBUFS", "65 descriptors: the queue has 64"]);
  }
});

interface SetUp extends VirtioNetModelOptions {
  readonly ring: "split" | "packed";
}

/** A card whose rings are set up with this size. */
function set(options: SetUp, size: number): ProbedNet {
  const net = new ProbedNet(options);
  net.netdev.probe();
  configureOnePair(net.netdev, 200, size);
  return net;
}
