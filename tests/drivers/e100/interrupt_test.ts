import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { E100Link, frame } from "./e100_link.ts";

Deno.test("interrupts are off after start, whatever comes", () => {
  const { model } = new E100Link();
  model.receive(frame(60));
  assertEquals([model.asserted, model.interrupt()], [false, false]);
});

Deno.test("armed: a frame interrupts once, and the queue is masked and told", () => {
  let events = 0;
  const link = new E100Link({ onEvent: () => void events++ });
  const { model, netdev } = link;
  assertEquals(netdev.rxqIntrEnable(0), 0);
  assertEquals(model.asserted, false);
  model.receive(frame(60));
  assertEquals([model.asserted, model.interrupt(), model.asserted], [true, true, false]);
  assertEquals(model.pending, 0, "acknowledged");
  model.receive(frame(60, 1));
  assertEquals([model.asserted, events, netdev.statsGet().interrupts], [false, 1, 1]);
  assertEquals(link.received().length, 2);
});

Deno.test("a line that another device pulled is left to it", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.rxqIntrEnable(0);
  assertEquals([model.interrupt(), netdev.statsGet().interrupts], [false, 0]);
  netdev.rxqIntrDisable(0);
  const before = model.accesses;
  assertEquals([model.interrupt(), model.accesses], [false, before], "masked, it's another's");
});

Deno.test("what was sent meanwhile doesn't interrupt", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  link.send(link.packet(frame(60)));
  assertEquals([netdev.rxqIntrEnable(0), model.asserted], [0, false]);
  link.send(link.packet(frame(60)));
  assertEquals(model.asserted, false);
});

Deno.test("frames that wait already are not slept over", () => {
  const link = new E100Link();
  link.model.receive(frame(60));
  assertEquals([link.netdev.rxqIntrEnable(0), link.model.asserted], [1, false]);
  assertEquals(link.received().length, 1);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
});

Deno.test("a frame that comes while interrupts are being armed isn't slept over", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  model.onRead = () => void model.receive(frame(60));
  assertEquals([netdev.rxqIntrEnable(0), model.asserted], [1, false]);
  assertEquals(link.received().length, 1);
});

Deno.test("a frame that comes before the card hears that interrupts are armed isn't slept over", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  model.receive(frame(60));
  assertEquals(link.received().length, 1);
  model.postsWrites = true;
  const armed = netdev.rxqIntrEnable(0) === 0;
  model.receive(frame(60, 1));
  model.settle();
  assertEquals([armed, model.asserted], [true, true]);
});

Deno.test("asleep: a receiver that runs out of descriptors interrupts and is started again", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.rxqIntrEnable(0);
  for (let i = 0; i < 30; i++) model.receive(frame(60, i));
  assertEquals([model.ready, model.interrupt()], [false, true]);
  link.received();
  assertEquals([model.ready, link.fact("receiver restarts")], [true, "1"]);
});

Deno.test("asleep on the last descriptors: the receiver goes on as soon as there are others", () => {
  const link = new E100Link({ netbufs: 16 });
  const { model, netdev } = link;
  model.keepsEndClean = true;
  const held: Netbuf[] = [];
  for (let i = 0; i < 14; i++) model.receive(frame(60, i));
  assertEquals(netdev.rxBurst(0, held, 64), 14);
  assertEquals(netdev.rxqIntrEnable(0), 0);
  model.receive(frame(60));
  assertEquals([model.ready, model.interrupt()], [false, true]);
  for (const netbuf of held) netbuf.free();
  assertEquals([link.received(), model.ready], [[], true]);
});

Deno.test("a card that was pulled out tells so once, by its interrupt", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.rxqIntrEnable(0);
  model.gone = true;
  assertEquals([model.interrupt(), model.interrupt()], [false, false]);
  assertEquals(link.events, ["the model is gone"]);
});

Deno.test("a stopped card's interrupt reaches nobody", () => {
  const { model, netdev } = new E100Link();
  netdev.rxqIntrEnable(0);
  netdev.stop();
  assertEquals(model.interrupt(), false);
});
