import { assert, assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { DEFAULT_NETBUF_STRIDE } from "../../../netdev/netbuf_pool.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
} from "../../../netdev/netdev_types.ts";
import { assertSleeps } from "../ffi/assert_sleeps.ts";
import { frame, framed, StreamLink } from "./stream_link.ts";

Deno.test("frames arrive whole wherever reads cut the stream", () => {
  const frames = [frame(14, 1), frame(60, 2), frame(33, 3)];
  const stream = framed(...frames);
  for (let cut = 1; cut < stream.length; cut++) {
    using link = new StreamLink();
    link.peer.send(stream.slice(0, cut));
    const received = link.burst();
    link.peer.send(stream.slice(cut));
    received.push(...link.burst());
    assertEquals(received, frames.map((bytes) => [...bytes]), `cut at ${cut}`);
  }
});

Deno.test("frames arrive whole from single bytes", () => {
  using link = new StreamLink();
  const received: number[][] = [];
  for (const byte of framed(frame(20, 5), frame(15, 6))) {
    link.peer.send(Uint8Array.of(byte));
    received.push(...link.burst());
  }
  assertEquals(received, [[...frame(20, 5)], [...frame(15, 6)]]);
});

Deno.test("a length cut short is not completed by what lies in the buffer from before", () => {
  using link = new StreamLink();
  link.peer.send(framed(new Uint8Array(1000).fill(0xff)));
  assertEquals(link.burst().length, 1);
  const stream = framed(frame(20, 1), frame(20, 2));
  link.peer.send(stream.slice(0, 25));
  assertEquals(link.burst(), [[...frame(20, 1)]]);
  link.peer.send(stream.slice(25));
  assertEquals(link.burst(), [[...frame(20, 2)]]);
});

Deno.test("rxBurst() hands out at most what was asked for, and says MORE while a frame waits", () => {
  using link = new StreamLink();
  link.peer.send(framed(frame(20, 1), frame(20, 2), frame(20, 3)));
  assertEquals(link.burst(2).length, 2);
  assertEquals(link.ops.rxqStatus(0), NETDEV_STATUS_MORE);
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS);
  assertEquals(netbufs[0].region.u8[netbufs[0].data], 3);
  netbufs[0].free();
  assertEquals(link.netdev.rxOne(0, netbufs), 0);
});

Deno.test("a received frame stands at 2 mod 4 behind the standard headroom", () => {
  using link = new StreamLink();
  link.peer.send(framed(frame(21), frame(22)));
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxBurst(0, netbufs, 16), 2);
  for (const netbuf of netbufs) {
    assertEquals(netbuf.data % 4, 2);
    assertEquals(netbuf.headroom, 64);
    netbuf.free();
  }
});

Deno.test("frames too short or too long are counted, and the next one arrives", () => {
  using link = new StreamLink();
  const bytes = [frame(0), frame(13), frame(2100), frame(69632), frame(60, 9)];
  link.peer.send(framed(...bytes));
  assertEquals(link.burst(), [[...frame(60, 9)]]);
  const { drops, rxPackets, rxBytes } = link.netdev.statsGet();
  assertEquals([drops.rx_too_short, drops.rx_too_long], [2, 2]);
  assertEquals([rxPackets, rxBytes], [1, 60]);
  assertEquals(link.pool.available, link.pool.size);
  assert(link.netdev.linkGet());
});

Deno.test("the longest frame that fits into a netbuf arrives", () => {
  using link = new StreamLink();
  const longest = frame(DEFAULT_NETBUF_STRIDE - 2 - 64);
  link.peer.send(framed(longest, frame(longest.length + 1)));
  assertEquals(link.burst(), [[...longest]]);
  assertEquals(link.netdev.statsGet().drops.rx_too_long, 1);
});

for (const length of [[0, 1, 0x10, 1], [1, 0, 0, 20], [0xff, 0xff, 0xff, 0xff]]) {
  Deno.test(`a length of ${length} loses the framing: the link is down for good`, async () => {
    const reasons: string[] = [];
    using link = new StreamLink({ onGone: ({ code }) => reasons.push(code) });
    link.peer.send(framed(frame(20, 1)));
    link.peer.send(Uint8Array.from(length));
    link.peer.send(framed(frame(20, 2)));
    assertEquals(link.burst(), [[...frame(20, 1)]]);
    assertEquals(link.burst(), []);
    assertEquals(link.netdev.linkGet(), false);
    assertEquals(link.ops.fault?.code, "EIO");
    assertEquals(link.netdev.statsGet().drops.rx_framing_lost, 1);
    assertEquals(link.netdev.rxqIntrEnable(0), 0);
    await Promise.resolve();
    assertEquals(reasons, ["EIO"]);
    link.peer.send(Uint8Array.of(0));
    assertEquals(link.burst(), []);
    assert(link.peer.sendPending());
    await assertSleeps(link.waiter);

    link.netdev.txBurst(0, [link.packet(frame(20))], 0, 1);
    assertEquals(link.netdev.statsGet().drops.tx_link_down, 1);
    assertEquals(link.pool.available, link.pool.size);
    assertEquals(link.peerReceived(), []);
  });
}

Deno.test("a dry pool is UNDERRUN; what waits arrives in order when it is refilled", () => {
  using link = new StreamLink({ netbufs: 3 });
  const sent = Array.from({ length: 10 }, (_, i) => frame(30, i));
  link.peer.send(framed(...sent));
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxBurst(0, netbufs, 16), 3);
  assertEquals(link.ops.rxqStatus(0), NETDEV_STATUS_UNDERRUN | NETDEV_STATUS_MORE);
  assertEquals(link.netdev.rxOne(0, []), NETDEV_STATUS_UNDERRUN);
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  const first = netbufs.map(({ region, data }) => region.u8[data]);
  for (const netbuf of netbufs) netbuf.free();
  const rest: number[] = [];
  for (let burst = link.burst(); burst.length > 0; burst = link.burst()) {
    for (const bytes of burst) rest.push(bytes[0]);
  }
  assertEquals([...first, ...rest], sent.map((bytes) => bytes[0]));
  assertEquals(link.netdev.statsGet().rxUnderruns > 0, true);
});

Deno.test("a peer that sends more than is received is slowed down, and nothing is lost", () => {
  using link = new StreamLink();
  const stream = framed(...Array.from({ length: 1000 }, (_, i) => frame(1000, i)));
  let sent = 0;
  const numbers: number[] = [];
  while (numbers.length < 1000) {
    if (sent < stream.length) {
      sent += Math.max(link.peer.sendSome(stream, sent, stream.length - sent), 0);
    }
    for (const bytes of link.burst(5)) {
      assertEquals(bytes.length, 1000);
      numbers.push(bytes[0]);
    }
  }
  assertEquals(numbers, Array.from({ length: 1000 }, (_, i) => i & 0xff));
});
