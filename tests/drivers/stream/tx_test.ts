import { assert, assertEquals, assertGreater } from "@std/assert";
import { NetbufPool, netbufPoolBytes } from "../../../netdev/netbuf_pool.ts";
import { PlainRegion } from "../../../netdev/dma_region.ts";
import { frame, framed, StreamLink } from "./stream_link.ts";

Deno.test("a burst is one system call, each frame behind its length; the netbufs are free again", () => {
  using link = new StreamLink();
  const frames = [frame(14, 1), frame(300, 2), frame(1514, 3)];
  const netbufs = [...frames.map((bytes) => link.packet(bytes)), link.packet(frame(99))];
  assertEquals(link.netdev.txBurst(0, netbufs, 0, 3), 3);
  assertEquals(link.peerReceived(), [...framed(...frames)]);
  const { kicks, txPackets, txBytes } = link.netdev.statsGet();
  assertEquals([kicks, txPackets, txBytes], [1, 3, 14 + 300 + 1514]);
  assertEquals(link.pool.available, link.pool.size - 1);
  assertEquals(link.netdev.txBurst(0, netbufs, 3, 1), 1);
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("the pieces of a chained packet go out as one frame", () => {
  using link = new StreamLink();
  const packet = link.packet(frame(20, 1));
  packet.append(link.packet(frame(5, 2)));
  packet.append(link.packet(frame(30, 3)));
  assertEquals(link.netdev.txBurst(0, [packet], 0, 1), 1);
  assertEquals(link.peerReceived(), [
    0,
    0,
    0,
    55,
    ...frame(20, 1),
    ...frame(5, 2),
    ...frame(30, 3),
  ]);
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("a full socket takes no more; drained, all bytes come out in order", () => {
  using link = new StreamLink();
  const expected: number[] = [];
  let number = 0;
  let full = false;
  while (!full && number < 5000) {
    const bytes = frame(1514, number);
    const packet = link.packet(bytes);
    full = link.netdev.txBurst(0, [packet], 0, 1) === 0;
    if (full) {
      packet.free();
    } else {
      expected.push(...framed(bytes));
      number++;
    }
  }
  assert(full);
  assertGreater(number, 256);
  assertEquals(link.netdev.txqReclaim(0), 0);

  for (let i = 0; i < 100; i++) {
    link.peerReceived();
    link.netdev.txqReclaim(0);
  }
  assertEquals(link.peerReceived().length, expected.length);
  assert(link.peerReceived().every((byte, i) => byte === expected[i]));
  assertEquals(link.netdev.txqReclaim(0), 256);
  assertEquals(link.netdev.statsGet().txPackets, number);
});

Deno.test("a slow peer that reads in bits gets every frame of many bursts in order", () => {
  using link = new StreamLink();
  const sizes = [14, 1514, 61, 700];
  const expected: number[] = [];
  const received: number[] = [];
  const bits = new Uint8Array(1999);
  let number = 0;
  let leastRoom = Infinity;
  for (let round = 0; round < 2000; round++) {
    const room = link.netdev.txqReclaim(0);
    leastRoom = Math.min(room, leastRoom);
    const burst = Array.from({ length: Math.min(room, 10) }, () => {
      const bytes = frame(sizes[number % sizes.length], number++);
      expected.push(...framed(bytes));
      return link.packet(bytes);
    });
    assertEquals(link.netdev.txBurst(0, burst, 0, burst.length), burst.length);
    const n = link.peer.receive(bits);
    for (let i = 0; i < n; i++) received.push(bits[i]);
  }
  assertEquals(leastRoom, 0);
  for (let n = 1; n > 0;) {
    link.netdev.txqReclaim(0);
    n = link.peer.receive(bits);
    for (let i = 0; i < n; i++) received.push(bits[i]);
  }
  assertEquals(received.length, expected.length);
  assert(received.every((byte, i) => byte === expected[i]));
});

Deno.test("frames that cannot be sent are freed and counted; the others go out", () => {
  using link = new StreamLink({ mtu: 1000 });
  const region = new PlainRegion(netbufPoolBytes({ count: 1 }));
  const foreign = new NetbufPool(region, 0, { count: 1 });
  const stranger = foreign.alloc();
  assert(stranger !== null);
  stranger.length = 60;
  const netbufs = [
    link.packet(frame(13)),
    link.packet(frame(1015)),
    stranger,
    link.packet(frame(1014, 7)),
  ];
  assertEquals(link.netdev.txBurst(0, netbufs, 0, 4), 4);
  assertEquals(link.peerReceived(), [...framed(frame(1014, 7))]);
  const { drops } = link.netdev.statsGet();
  assertEquals([drops.tx_too_short, drops.tx_too_long, drops.tx_foreign], [1, 1, 1]);
  assertEquals([link.pool.available, foreign.available], [link.pool.size, 1]);
});

Deno.test("the MTU bounds what is sent, and can be lowered", () => {
  using link = new StreamLink();
  assertEquals(link.netdev.mtuGet(), 1500);
  link.netdev.mtuSet(100);
  link.netdev.txBurst(0, [link.packet(frame(115)), link.packet(frame(114))], 0, 2);
  assertEquals(link.peerReceived(), [...framed(frame(114))]);
});

Deno.test("a length whose first byte is with the peer already is sent without it, once", () => {
  using link = new StreamLink({ headerSent: 1 });
  link.netdev.txBurst(0, [link.packet(frame(20, 1)), link.packet(frame(21, 2))], 0, 2);
  assertEquals(link.peerReceived(), [...framed(frame(20, 1), frame(21, 2))].slice(1));
});

Deno.test("sending to a peer that is gone drops, brings the link down and frees", () => {
  using link = new StreamLink();
  link.peer[Symbol.dispose]();
  assertEquals(link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1), 1);
  assertEquals(link.netdev.linkGet(), false);
  assertEquals(link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1), 1);
  assertEquals(link.netdev.statsGet().drops.tx_link_down, 1);
  assertEquals(link.netdev.txqReclaim(0), 256);
  assertEquals(link.pool.available, link.pool.size);
});
