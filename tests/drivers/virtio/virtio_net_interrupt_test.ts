import { assertEquals } from "@std/assert";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import { frame, NetLink } from "./net_link.ts";

/** A link that counts how often its receive queue interrupted. */
class CountingLink extends NetLink {
  readonly count: { events: number };

  constructor(more: bigint) {
    const count = { events: 0 };
    super({ more, onEvent: () => count.events++ });
    this.count = count;
  }
}

for (const more of [0n, VIRTIO_F_EVENT_IDX]) {
  const mode = more === 0n ? "flags" : "the event index";

  Deno.test(`with ${mode} there is no interrupt after start, until one is asked for`, () => {
    const link = new CountingLink(more);
    for (let i = 0; i < 5; i++) link.model.receive(frame(60));
    assertEquals([link.model.interrupts[1], link.count.events], [0, 0]);
    link.received();
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
    link.model.receive(frame(60));
    assertEquals([link.model.interrupts[1], link.count.events], [1, 1]);
    assertEquals(link.netdev.statsGet().interrupts, 1);
  });

  Deno.test(`with ${mode} a masked queue is polled in silence`, () => {
    const link = new CountingLink(more);
    link.netdev.rxqIntrEnable(0);
    link.netdev.rxqIntrDisable(0);
    for (let i = 0; i < 1000; i++) {
      link.model.receive(frame(60, i));
      assertEquals(link.received().length, 1);
    }
    assertEquals(link.count.events, 0);
  });

  Deno.test(`with ${mode} arming says 1 while a packet waits, and is then not armed`, () => {
    const link = new CountingLink(more);
    link.model.receive(frame(60));
    assertEquals(link.netdev.rxqIntrEnable(0), 1);
    link.model.receive(frame(60));
    assertEquals(link.count.events, 0);
    assertEquals(link.received().length, 2);
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
  });

  Deno.test(`with ${mode} arm, sleep, poll, arm goes on for 70,000 packets`, () => {
    const link = new CountingLink(more);
    for (let i = 1; i <= 70_000; i++) {
      if (link.netdev.rxqIntrEnable(0) !== 0) throw new Error(`packet ${i} is there before it is`);
      link.model.receive(frame(60));
      if (link.count.events !== i) throw new Error(`no interrupt for packet ${i}`);
      link.netdev.rxqIntrDisable(0);
      for (const netbuf of link.burst()) netbuf.free();
    }
  });

  Deno.test(`with ${mode} the transmit queue asks for no interrupts`, () => {
    const link = new CountingLink(more);
    for (let i = 0; i < 5; i++) {
      link.send(link.packet(frame(60)));
      link.model.transmit();
    }
    assertEquals(link.model.interrupts[2], 0);
  });
}

Deno.test("interrupts that nobody asked for do no harm, of the transmit queue neither", () => {
  const link = new CountingLink(0n);
  for (let i = 0; i < 3; i++) link.model.interrupt(0);
  link.model.interrupt(1);
  assertEquals(link.received(), []);
  assertEquals([link.count.events, link.netdev.statsGet().interrupts], [3, 3]);
});

Deno.test("a queue without a handler may be interrupted", () => {
  const link = new NetLink();
  link.model.interrupt(0);
  assertEquals(link.netdev.statsGet().interrupts, 1);
});

Deno.test("interrupts for changes of the configuration are counted apart", () => {
  const link = new NetLink();
  link.model.setLink(false);
  const { interrupts, configInterrupts } = link.netdev.statsGet();
  assertEquals([interrupts, configInterrupts], [0, 1]);
  link.netdev.reset();
  assertEquals(link.netdev.statsGet().configInterrupts, 0, "counters begin again");
});

Deno.test("a link that goes down and up is reported, once each, and read by linkGet()", () => {
  const link = new NetLink();
  link.model.setLink(false);
  assertEquals(link.netdev.linkGet(), false);
  link.model.setLink(false);
  link.model.setLink(true);
  assertEquals(link.events, ["link down", "link up"]);
  assertEquals(link.netdev.linkGet(), true);
});

Deno.test("a configuration change that is none of the link reports nothing", () => {
  const link = new NetLink();
  // VIRTIO_NET_S_ANNOUNCE (§5.1.4), which was not negotiated.
  link.model.config[6] = 3;
  link.model.configChanged();
  assertEquals(link.events, []);
});

Deno.test("without interrupts a queue is never armed, and the link is looked at every 2 seconds", () => {
  const link = new NetLink();
  link.model.interruptMode = "polling";
  assertEquals(link.netdev.infoGet().rxqInterrupts, false);
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  assertEquals(link.netdev.watchdog(1000), 3000);
  link.model.config[6] = 0;
  assertEquals([link.netdev.watchdog(2999), link.events], [3000, []]);
  assertEquals([link.netdev.watchdog(3000), link.events], [5000, ["link down"]]);
});

Deno.test("a device that asks for a reset is reported with where it sits", () => {
  const link = new NetLink();
  link.model.needReset();
  assertEquals(link.events, ["model asks for a reset"]);
});

Deno.test("after close() no interrupt gets through", () => {
  const link = new CountingLink(0n);
  link.netdev.rxqIntrEnable(0);
  link.netdev.close();
  link.model.interrupt(0);
  link.model.setLink(false);
  assertEquals([link.count.events, link.events], [0, []]);
});

Deno.test("a device without any buffer is not slept on: it would have nothing to interrupt for", () => {
  const link = new NetLink({ netbufs: 8 });
  for (let i = 0; i < 8; i++) link.model.receive(frame(60, i));
  assertEquals(link.send(...link.burst()), 8);
  // All netbufs are in the transmit ring, which does not interrupt either.
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  link.model.transmit();
  link.netdev.txqReclaim(0);
  assertEquals(link.netdev.rxqIntrEnable(0), 0, "arming refills the ring");
  assertEquals(link.model.receive(frame(60)), true);
});

Deno.test("a short ring may be slept on, and a broken one", () => {
  const short = new NetLink({ netbufs: 3 });
  assertEquals(short.netdev.rxqIntrEnable(0), 0);
  const broken = new NetLink();
  broken.model.rx.showIndex(100);
  broken.burst();
  assertEquals(broken.netdev.rxqIntrEnable(0), 0);
});
