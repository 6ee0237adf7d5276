import { assert, assertEquals, assertThrows } from "@std/assert";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_STATUS,
  type VirtioNetModel,
} from "../../device/virtio_net_model.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { frame, NetLink, ProbedNet } from "./net_link.ts";

for (const more of [0n, VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF]) {
  const mode = more === 0n ? "plain rings" : "the event index and mergeable buffers";

  Deno.test(`with ${mode} a card stops with its pool whole, and starts again, 100 times`, () => {
    const link = new NetLink({ more });
    const free = link.model.dma.available;
    for (let i = 1; i <= 100; i++) {
      assertEquals(link.model.receive(frame(60, i)), true);
      assertEquals(link.received(), [[...frame(60, i)]]);
      // Left behind in both rings: received and unseen, lent and unsent.
      link.model.receive(frame(70));
      link.send(link.packet(frame(80)), link.packet(frame(14), frame(20)));
      link.netdev.stop();
      assertEquals(link.pool.available, link.pool.size);
      link.netdev.start();
    }
    assertEquals(link.received(), [], "nothing of before is delivered");
    assertEquals(link.model.transmit(), [], "nothing of before is sent");
    assertEquals(link.model.dma.available, free);
    const { rxPackets, txPackets } = link.netdev.statsGet();
    assertEquals([rxPackets, txPackets], [100, 200], "counters go on");
  });
}

Deno.test("a start after a stop takes every step of §3.1.1 again, in order", () => {
  const link = new NetLink();
  const first = link.model.calls.slice();
  link.netdev.stop();
  link.model.calls.length = 0;
  link.netdev.start();
  assertEquals(link.model.calls, first);
});

Deno.test("a stopped card hears no interrupt, and its event is not called", () => {
  const count = { events: 0 };
  const link = new NetLink({ onEvent: () => count.events++ });
  link.netdev.rxqIntrEnable(0);
  link.netdev.stop();
  link.model.interrupt(0);
  link.model.configChanged();
  assertEquals([count.events, link.events], [0, []]);
  link.netdev.start();
  link.netdev.rxqIntrEnable(0);
  link.model.receive(frame(60));
  assertEquals(count.events, 1);
});

Deno.test("a card that asks for a reset is reported once, and again after the next start", () => {
  const link = new NetLink();
  link.model.needReset();
  link.model.needReset();
  assertEquals(link.events, ["model asks for a reset"]);
  link.netdev.stop();
  link.netdev.start();
  assertEquals(link.model.receive(frame(60)), true);
  assertEquals(link.received().length, 1);
  link.model.needReset();
  assertEquals(link.events.length, 2);
});

Deno.test("a card that asks for a reset while it's started is reported, though nobody hears its interrupt", () => {
  const link = new NetLink();
  link.netdev.stop();
  link.model.script = {
    onConfigRead: () => {
      link.model.script = {};
      link.model.needReset();
    },
  };
  link.netdev.start();
  assertEquals(link.events, ["model asks for a reset"]);
  link.netdev.stop();
  link.netdev.start();
  assertEquals(link.events.length, 1);
});

/** Ways to break a ring that must be reported and mended by a restart. */
const BREAKS: readonly [string, RegExp, (link: NetLink) => void][] = [
  ["a receive buffer that was never lent", /broke the receive queue/, (link) => {
    link.model.rx.use(link.model.rx.size + 3, 60);
    link.burst();
  }],
  ["a receive index out of bounds", /broke the receive queue/, (link) => {
    link.model.rx.showIndex(1000);
    link.burst();
  }],
  ["a transmit buffer that was never lent", /broke the transmit queue/, (link) => {
    link.send(link.packet(frame(60)));
    link.model.tx.use(7, 0);
    link.netdev.txqReclaim(0);
  }],
  ["a transmit index out of bounds", /broke the transmit queue/, (link) => {
    link.model.tx.showIndex(5000);
    link.send(...Array.from({ length: 9 }, () => link.packet(frame(60))));
  }],
];

for (const [what, reason, breakIt] of BREAKS) {
  Deno.test(`${what}: reported once, and a restart mends it`, () => {
    const link = new NetLink();
    breakIt(link);
    link.burst();
    link.netdev.txqReclaim(0);
    assertEquals(link.events.length, 1);
    assert(reason.test(link.events[0]), link.events[0]);
    // What the queue refused is still its caller's.
    link.netdev.stop();
    link.netdev.start();
    assertEquals(link.model.receive(frame(60, 5)), true);
    assertEquals(link.received(), [[...frame(60, 5)]]);
    assertEquals(link.send(link.packet(frame(61, 6))), 1);
    assertEquals(link.model.transmit().map(({ frame }) => frame), [[...frame(61, 6)]]);
  });
}

/** What a card may not come back with. */
const CHANGES: readonly [string, (model: VirtioNetModel) => void][] = [
  ["it lacks STATUS", (model) => model.features &= ~VIRTIO_NET_F_STATUS],
  [
    "its mac was 82,84,0,171,205,239 and is 82,84,0,171,205,238",
    (model) => model.config[5]--,
  ],
  ["its mtu was 1400 and is 1300", (model) => model.setMtu(1300)],
  ["its queueSizes was 8,8 and is 8,4", (model) => model.resizeQueue(1, 4)],
];

for (const [what, change] of CHANGES) {
  Deno.test(`a card that comes back another is EIO: ${what}`, () => {
    const link = new NetLink({ more: VIRTIO_NET_F_MTU, mtu: 1400 });
    link.netdev.stop();
    change(link.model);
    const error = assertThrows(() => link.netdev.start(), NetdevError, what);
    assertEquals(error.code, "EIO");
    assertEquals(link.netdev.state, NetdevState.CONFIGURED);
    assertEquals(link.pool.available, link.pool.size);
    assert(link.model.calls.includes("status 15"));
    assertEquals(Number(link.model.calls.at(-1)?.split(" ")[1]) & 128, 128, "FAILED");
    link.netdev.close();
  });
}

Deno.test("a card that refuses the features the second time starts at the third", () => {
  const link = new NetLink();
  link.netdev.stop();
  link.model.script = { acceptsFeatures: () => false };
  assertThrows(() => link.netdev.start(), VirtioError, "does not accept");
  assertEquals(link.pool.available, link.pool.size);
  link.model.script = {};
  link.netdev.start();
  assertEquals(link.model.accepted, NET_FEATURES);
  assertEquals(link.model.receive(frame(60)), true);
});

Deno.test("more features on offer than before change nothing", () => {
  const link = new NetLink();
  link.netdev.stop();
  link.model.features |= VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF;
  link.netdev.start();
  assertEquals(link.model.accepted, NET_FEATURES);
});

Deno.test("a link that changed over the reset is reported", () => {
  const link = new NetLink();
  link.netdev.stop();
  link.model.config[6] = 0;
  link.netdev.start();
  assertEquals(link.events, ["link down"]);
  assertEquals(link.netdev.linkGet(), false);
});

Deno.test("a card that is gone: stop gives all back, start is ENODEV, close leaves nothing", () => {
  const link = new NetLink();
  const free = new ProbedNet().model.dma.available;
  link.send(link.packet(frame(60)));
  link.model.gone = true;
  link.netdev.stop();
  assertEquals(link.pool.available, link.pool.size);
  for (let i = 0; i < 2; i++) {
    const error = assertThrows(() => link.netdev.start(), NetdevError, "model is gone");
    assertEquals(error.code, "ENODEV");
  }
  link.netdev.close();
  assertEquals(link.model.dma.available, free);
});

Deno.test("a card that goes while it runs is reported as gone, and polls find nothing", () => {
  const link = new NetLink();
  link.model.gone = true;
  link.model.configChanged();
  assertEquals(link.events, ["model is gone"]);
  assertEquals(link.received(), []);
  link.netdev.close();
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("a card that went between probe and start is ENODEV, and the pool is whole", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  const pool = configureOnePair(net.netdev, 32);
  net.model.gone = true;
  assertEquals(assertThrows(() => net.netdev.start(), NetdevError, "gone").code, "ENODEV");
  assertEquals(pool.available, 32);
  net.netdev.close();
});

Deno.test("a card that is gone can't be probed", () => {
  const net = new ProbedNet();
  net.model.gone = true;
  assertEquals(assertThrows(() => net.netdev.probe(), NetdevError, "gone").code, "ENODEV");
  net.netdev.close();
});

Deno.test("a card that does not reset loses its access to memory, and is given up", () => {
  const link = new NetLink();
  link.model.script = { resetReads: Infinity };
  assertThrows(() => link.netdev.stop(), VirtioError, "not reset");
  assertEquals(link.model.calls.at(-1), "shutdown");
  assertEquals(link.pool.available, link.pool.size);
  assertEquals(assertThrows(() => link.netdev.start(), NetdevError, "given up").code, "ENODEV");
  link.netdev.close();
});

Deno.test("reset gives rings and pools back, and the card runs with others", () => {
  const link = new NetLink();
  const { netdev, model } = link;
  const free = new ProbedNet().model.dma.available;
  for (let i = 0; i < 50; i++) {
    netdev.reset();
    assertEquals(model.dma.available, free);
    assertEquals(link.pool.alloc(), null, "a retired pool hands out nothing");
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    const pool = netdev.poolCreate({ count: 8 + i });
    netdev.rxqConfigure(0, 1 << (1 + i % 3), { pool });
    netdev.txqConfigure(0, 0);
    netdev.start();
    assertEquals(model.receive(frame(60, i)), true);
    const netbufs = link.burst();
    assertEquals(netbufs.length, 1);
    netbufs[0].free();
  }
  netdev.close();
  assertEquals(model.dma.available, free);
});

Deno.test("the memory of a pool with a netbuf still out goes back with that netbuf", () => {
  const link = new NetLink();
  const free = new ProbedNet().model.dma.available;
  link.model.receive(frame(60));
  const [held] = link.burst();
  link.netdev.close();
  assert(link.model.dma.available < free);
  assertEquals(link.pool.available, link.pool.size - 1);
  held.free();
  assertEquals(link.model.dma.available, free);
});

Deno.test("rings in memory that others had before begin empty", () => {
  const net = new ProbedNet();
  net.model.region.u8.fill(0xff, 4096);
  net.netdev.probe();
  configureOnePair(net.netdev, 16);
  net.netdev.start();
  assertEquals(net.netdev.rxBurst(0, [], 8), 0);
  assertEquals(net.netdev.txqReclaim(0), 8);
  assertEquals(net.events, []);
});

Deno.test("a pool or a queue that does not fit takes no memory", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  const free = net.model.dma.available;
  assertThrows(() => net.netdev.poolCreate({ count: 1 << 20 }), NetdevError);
  assertThrows(() => net.netdev.poolCreate({ count: 4, stride: 100 }), NetdevError, "stride");
  assertEquals(net.model.dma.available, free);
  // Room for the descriptors of a queue, and for nothing else.
  net.model.dma.alloc(free - 8 * 16 - 8 * 64, 64);
  const left = net.model.dma.available;
  const hog = net.model.dma.alloc(left - 8 * 16 - 64, 1);
  assertThrows(() => net.netdev.txqConfigure(0, 0), NetdevError, "DMA memory");
  net.model.dma.free(hog);
  assertEquals(net.model.dma.available, left);
});
