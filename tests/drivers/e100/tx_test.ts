import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { E100Link, frame } from "./e100_link.ts";

Deno.test("frames go out in order, right to the byte, and come back to the pool", () => {
  const link = new E100Link();
  const free = link.pool.available;
  for (let round = 0; round < 30; round++) {
    link.model.sent.length = 0;
    const frames = [14, 60, 999, 1514].map((length, i) => frame(length, round + i));
    assertEquals(link.send(...frames.map((each) => link.packet(each))), 4);
    assertEquals(link.model.sent, frames.map((each) => [...each]));
    link.netdev.txqReclaim(0);
    assertEquals(link.pool.available, free);
  }
  const { txPackets, txBytes } = link.netdev.statsGet();
  assertEquals([txPackets, txBytes], [120, 30 * (14 + 60 + 999 + 1514)]);
});

Deno.test("a chain goes out as one frame, and empty pieces are left out", () => {
  const link = new E100Link();
  const whole = frame(1000);
  const pieces = [whole.subarray(0, 14), whole.subarray(14, 14), whole.subarray(14, 515)];
  link.send(link.packet(...pieces, whole.subarray(515)));
  assertEquals(link.model.sent, [[...whole]]);
  assertEquals(link.netdev.txqReclaim(0), 16);
});

Deno.test("a block that had a shorter chain before takes a longer one", () => {
  const link = new E100Link({ txDescriptors: 4 });
  const whole = frame(90);
  for (let round = 1; round <= 20; round++) {
    const pieces = 1 + round % 3;
    const cuts = Array.from({ length: pieces }, (_, i) => 90 * i / pieces);
    link.send(link.packet(...cuts.map((cut) => whole.subarray(cut, cut + 90 / pieces))));
    assertEquals(link.model.sent.at(-1), [...whole]);
  }
});

Deno.test("one resume for a burst; and more for one that is longer than the card goes in a row", () => {
  const link = new E100Link({ txDescriptors: 64, netbufs: 128 });
  const { model } = link;
  const burst = (count: number): Netbuf[] =>
    Array.from({ length: count }, (_, i) => link.packet(frame(60, i)));
  link.send(...burst(16));
  assertEquals(model.commands, [0x20]);
  link.send(...burst(60));
  assertEquals([model.commands.length, model.sentCount], [1 + 4, 76]);
});

Deno.test("a card that takes its time is resumed once, and its blocks are waited for", () => {
  const link = new E100Link({ txDescriptors: 8 });
  const { model, netdev } = link;
  model.carriesOut = false;
  const packets = Array.from({ length: 10 }, (_, i) => link.packet(frame(60, i)));
  assertEquals(link.send(...packets), 8, "the ring has no more");
  assertEquals([model.commands, netdev.txqReclaim(0)], [[0x20], 0]);
  assertEquals(netdev.txBurst(0, packets, 8, 2), 0);
  model.carryOn();
  assertEquals([model.sentCount, netdev.txqReclaim(0)], [8, 8]);
  assertEquals(netdev.txBurst(0, packets, 8, 2), 2);
  assertEquals(model.sent, Array.from({ length: 10 }, (_, i) => [...frame(60, i)]));
});

Deno.test("blocks that are added while the unit is at work are reached", () => {
  const link = new E100Link();
  link.model.carriesOut = false;
  for (let i = 0; i < 6; i++) link.send(link.packet(frame(60, i)));
  link.model.carryOn();
  assertEquals(link.model.sent, Array.from({ length: 6 }, (_, i) => [...frame(60, i)]));
});

Deno.test("bursts on the heels of each other leave in order, however late the card hears of them", () => {
  const link = new E100Link({ txDescriptors: 64, netbufs: 128 });
  const { model } = link;
  model.postsWrites = true;
  for (let number = 0; number < 60; number++) link.send(link.packet(frame(60, number)));
  model.settle();
  assertEquals(model.sent, Array.from({ length: 60 }, (_, number) => [...frame(60, number)]));
  link.send(...Array.from({ length: 40 }, (_, i) => link.packet(frame(60, 60 + i))));
  model.settle();
  assertEquals(model.sentCount, 100);
  assertEquals(model.sent[99], [...frame(60, 99)]);
});

Deno.test("frames that can't be sent are dropped, freed and counted", () => {
  const link = new E100Link();
  const { netdev, pool } = link;
  const free = pool.available;
  const many = Array.from({ length: 15 }, () => new Uint8Array(10));
  const tagged = frame(1518);
  tagged.set([0x81, 0x00], 12);
  const packets = [
    link.packet(frame(13)),
    link.packet(frame(1515)),
    link.packet(...many),
    link.packet(tagged),
    link.packet(...many.slice(1)),
  ];
  assertEquals(link.send(...packets), 5);
  assertEquals(link.model.sent.map(({ length }) => length), [1518, 140]);
  const { drops } = netdev.statsGet();
  assertEquals([drops.tx_too_short, drops.tx_too_long, drops.tx_too_many_pieces], [1, 1, 1]);
  netdev.txqReclaim(0);
  assertEquals(pool.available, free);
});

Deno.test("with another MTU another length is too long", () => {
  const link = new E100Link();
  link.netdev.mtuSet(100);
  link.send(link.packet(frame(114)), link.packet(frame(115)));
  assertEquals(link.model.sent.length, 1);
});

Deno.test("a frame with a piece in another device's memory is dropped, freed and counted", () => {
  const link = new E100Link();
  const other = new E100Link();
  const mixed = link.packet(frame(20));
  mixed.append(other.packet(frame(40)));
  const available = [link.pool.available + 1, other.pool.available + 1];
  assertEquals(link.send(other.packet(frame(60)), mixed, link.packet(frame(60, 5))), 3);
  assertEquals(link.model.sent, [[...frame(60, 5)]]);
  link.netdev.txqReclaim(0);
  const { drops, txPackets } = link.netdev.statsGet();
  assertEquals([drops.tx_foreign, txPackets], [2, 1]);
  assertEquals([link.pool.available, other.pool.available], available);
});
