import { assert, assertEquals } from "@std/assert";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
} from "../../../netdev/netdev_types.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { E100Link, frame } from "./e100_link.ts";

Deno.test("frames of all sizes come in order, right to the byte", () => {
  const link = new E100Link();
  for (let round = 0; round < 40; round++) {
    const frames = [14, 60, 61, 1514, 1518].map((length, i) => frame(length, round * 5 + i));
    for (const each of frames) assert(link.model.receive(each));
    assertEquals(link.received(), frames.map((each) => [...each]));
  }
  const { rxPackets, rxBytes } = link.netdev.statsGet();
  assertEquals([rxPackets, rxBytes], [200, 40 * (14 + 60 + 61 + 1514 + 1518)]);
});

Deno.test("a frame begins at 2 mod 4", () => {
  const link = new E100Link();
  link.model.receive(frame(60));
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxBurst(0, netbufs, 1), 1);
  assertEquals(netbufs[0].data % 4, 2);
});

Deno.test("a status without the frame behind it is no proof: the frame is whole all the same", () => {
  const link = new E100Link();
  link.model.lateData = true;
  for (let i = 0; i < 3; i++) link.model.receive(frame(60, i));
  assertEquals(link.received(), [0, 1, 2].map((i) => [...frame(60, i)]));
});

Deno.test("a poll reads one register, and none when nothing came", () => {
  const link = new E100Link();
  const { model } = link;
  let before = model.accesses;
  assertEquals([link.received(), model.accesses - before], [[], 0]);
  for (let i = 0; i < 5; i++) model.receive(frame(60, i));
  before = model.accesses;
  assertEquals([link.received().length, model.accesses - before], [5, 1]);
});

Deno.test("a burst takes no more than it's asked for, and says that there's more", () => {
  const link = new E100Link();
  for (let i = 0; i < 5; i++) link.model.receive(frame(60, i));
  assertEquals(link.received(3).length, 3);
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_MORE);
  assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS);
  assertEquals(link.netdev.rxOne(0, netbufs), 0);
});

for (const keepsEndClean of [false, true]) {
  const what = keepsEndClean ? "leaves the end of the list alone" : "completes the end of the list";
  Deno.test(`more frames than descriptors: a card that ${what} receives again by itself`, () => {
    const link = new E100Link();
    const { model, netdev } = link;
    model.keepsEndClean = keepsEndClean;
    let stored = 0;
    for (let i = 0; i < 100; i++) if (model.receive(frame(60, i))) stored++;
    assertEquals(model.ready, false);
    assertEquals(link.received().length, 14, "16 descriptors, the last two are the end");
    assertEquals(stored, keepsEndClean ? 14 : 15);
    // As the loop does: an end that was left alone is seen when interrupts are armed.
    netdev.rxqIntrEnable(0);
    assertEquals(model.ready, true);
    assertEquals(link.fact("receiver restarts"), "1");
    assertEquals(netdev.statsGet().drops.rx_zero_length, keepsEndClean ? 0 : 1);
    for (let i = 0; i < 100; i++) {
      assert(model.receive(frame(60, i)));
      assertEquals(link.received(), [[...frame(60, i)]]);
    }
  });
}

Deno.test("a pool that runs dry stops the receiver, and one that fills again starts it", () => {
  const link = new E100Link({ netbufs: 20, rxDescriptors: 16 });
  const { model, netdev, pool } = link;
  const held: Netbuf[] = [];
  for (let i = 0; i < 100; i++) model.receive(frame(60, i));
  const count = netdev.rxBurst(0, held, 64);
  assertEquals(count, 14);
  // 14 are held, 6 are left: the receiver goes on with them, until they are held as well.
  for (let i = 0; i < 100; i++) model.receive(frame(60, i));
  const more: Netbuf[] = [];
  const moreCount = netdev.rxBurst(0, more, 64);
  assertEquals([moreCount > 0, model.ready], [true, false]);
  assertEquals(netdev.rxOne(0, []), NETDEV_STATUS_UNDERRUN);
  assertEquals(netdev.rxqIntrEnable(0), 1, "nothing would ever interrupt");
  for (const netbuf of [...held.slice(0, count), ...more.slice(0, moreCount)]) netbuf.free();
  assertEquals([link.received(), model.ready], [[], true]);
  model.receive(frame(60, 7));
  assertEquals(link.received(), [[...frame(60, 7)]]);
  assert(netdev.statsGet().rxUnderruns > 0);
  assertEquals([...model.region.u32.subarray(0, 4)], [0, 0, 0, 0], "nothing was there to write to");
  netdev.stop();
  assertEquals(pool.available, pool.size);
});

Deno.test("a length that can't be is dropped and counted", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  for (const count of [0, 13, 0x3fff, 2100]) {
    model.lie = { count };
    model.receive(frame(60));
  }
  // Above the count are two bits that are no part of it.
  model.lie = { count: 0xc000 | 60 };
  model.receive(frame(60, 3));
  assertEquals(link.received(), [[...frame(60, 3)]]);
  const { drops } = netdev.statsGet();
  assertEquals([drops.rx_zero_length, drops.rx_too_short, drops.rx_too_long], [1, 1, 2]);
});

Deno.test("a status alone is no frame", () => {
  const link = new E100Link({ rxDescriptors: 8, netbufs: 10 });
  for (let i = 0; i < 20; i++) {
    link.model.receive(frame(60, i));
    assertEquals(link.received().length, 1);
  }
  link.model.lie = { noCount: true };
  link.model.receive(frame(60));
  assertEquals(link.received(), []);
  assertEquals(link.netdev.statsGet().drops.rx_zero_length, 1);
});

Deno.test("a frame with an error is dropped and counted", () => {
  const link = new E100Link();
  link.model.lie = { status: 0x8800 };
  link.model.receive(frame(60));
  link.model.lie = {};
  link.model.receive(frame(60, 1));
  assertEquals(link.received(), [[...frame(60, 1)]]);
  assertEquals(link.netdev.statsGet().drops.rx_bad_frame, 1);
});

Deno.test("netbufs go round and none is lost, whatever is dropped", () => {
  const link = new E100Link();
  const { model, netdev, pool } = link;
  for (let i = 0; i < 500; i++) {
    model.lie = i % 7 === 0 ? { count: 5 } : i % 11 === 0 ? { status: 0x8800 } : {};
    model.receive(frame(60, i));
    if (i % 5 === 0) link.received();
  }
  netdev.stop();
  assertEquals(pool.available, pool.size);
});

Deno.test("any number of descriptors from 8 to 256 will do", () => {
  for (const rxDescriptors of [8, 9, 100, 256]) {
    const link = new E100Link({ rxDescriptors, netbufs: 300 });
    for (let i = 0; i < 3 * rxDescriptors; i++) {
      assert(link.model.receive(frame(60, i)));
      assertEquals(link.received(), [[...frame(60, i)]]);
    }
  }
});

Deno.test("a receiver that takes no command is a failure, told once", () => {
  const link = new E100Link();
  const { model } = link;
  for (let i = 0; i < 20; i++) model.receive(frame(60, i));
  model.acceptsCommands = false;
  link.received();
  // The first command is taken, and stays in the register: the next one isn't.
  for (let i = 0; i < 20; i++) model.receive(frame(60, i));
  for (let i = 0; i < 5; i++) {
    link.received();
    link.netdev.rxqIntrEnable(0);
    link.send(link.packet(new Uint8Array(60)));
  }
  assertEquals(link.events, ["the model doesn't take commands"]);
});
