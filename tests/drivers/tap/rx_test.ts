import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { DEFAULT_NETBUF_STRIDE } from "../../../netdev/netbuf_pool.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
} from "../../../netdev/netdev_types.ts";
import { tapTest } from "../../linux/network_namespace.ts";
import { frame, TapLink } from "./tap_link.ts";

/** What a netbuf of the default stride has room for behind its headroom. */
const ROOM = DEFAULT_NETBUF_STRIDE - 2 - 64;

tapTest("frames arrive as Linux sent them, one by one", async () => {
  using link = await TapLink.open();
  const frames = [frame(14, 1), frame(60, 2), frame(1514, 3)];
  for (const bytes of frames) link.peer.send(bytes);
  assertEquals(link.burst(), frames.map((bytes) => [...bytes]));
  assertEquals(link.burst(), []);
  const { rxPackets, rxBytes } = link.netdev.statsGet();
  assertEquals([rxPackets, rxBytes], [3, 14 + 60 + 1514]);
  assertEquals(link.pool.available, link.pool.size);
});

tapTest("a received frame stands at 2 mod 4 behind the standard headroom", async () => {
  using link = await TapLink.open();
  link.peer.send(frame(21));
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxBurst(0, netbufs, 16), 1);
  assertEquals([netbufs[0].data % 4, netbufs[0].headroom], [2, 64]);
  netbufs[0].free();
});

tapTest(
  "rxBurst() hands out at most what was asked for, and says MORE while a frame waits",
  async () => {
    using link = await TapLink.open();
    for (const seed of [1, 2, 3]) link.peer.send(frame(60, seed));
    assertEquals(link.burst(2).length, 2);
    assertEquals(link.ops.rxqStatus(0), NETDEV_STATUS_MORE);
    const netbufs: Netbuf[] = [];
    assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS);
    netbufs[0].free();
    assertEquals(link.netdev.rxOne(0, netbufs), 0);
  },
);

tapTest(
  "a burst ends where frames are likely to, so that a lone one needn't wait for a read",
  async () => {
    using link = await TapLink.open();
    const sizes = (): number[] => {
      const netbufs: Netbuf[] = [];
      const bursts: number[] = [];
      for (let left = 5; left > 0; left--) {
        const received = link.netdev.rxBurst(0, netbufs, 16);
        for (const netbuf of netbufs.splice(0, received)) netbuf.free();
        bursts.push(received);
      }
      return bursts;
    };
    for (let i = 0; i < 10; i++) link.peer.send(frame(60, i));
    assertEquals(sizes(), [1, 2, 4, 3, 0]);
    link.peer.send(frame(60));
    assertEquals(sizes(), [1, 0, 0, 0, 0]);
    for (let i = 0; i < 2; i++) link.peer.send(frame(60, i));
    assertEquals(sizes(), [1, 1, 0, 0, 0]);
  },
);

tapTest("a frame longer than a netbuf is counted and not handed out cut off", async () => {
  using link = await TapLink.open({ interfaceMtu: 3000, mtu: 1500 });
  const longest = frame(ROOM, 1);
  const frames = [longest, frame(ROOM + 1, 2), frame(3014, 3), frame(60, 4)];
  for (const bytes of frames) link.peer.send(bytes);
  assertEquals(link.burst(), [[...longest], [...frame(60, 4)]]);
  assertEquals(link.netdev.statsGet().drops.rx_too_long, 2);
  assertEquals(link.pool.available, link.pool.size);
});

tapTest("a burst reads no more frames than it may hand out, even if it drops them", async () => {
  using link = await TapLink.open({ interfaceMtu: 3000, mtu: 1500 });
  // Three bursts, after which it believes in eight frames.
  for (let i = 0; i < 7; i++) link.peer.send(frame(60, i));
  assertEquals(link.burst(7).length, 7);
  for (let i = 0; i < 8; i++) link.peer.send(frame(3000, i));
  link.peer.send(frame(60, 9));
  assertEquals(link.netdev.rxBurst(0, [], 8), 0);
  assertEquals(link.netdev.statsGet().drops.rx_too_long, 8);
  assertEquals(link.ops.rxqStatus(0), NETDEV_STATUS_MORE);
  assertEquals(link.burst(8), [[...frame(60, 9)]]);
});

tapTest("a long frame leaves the netbuf behind its own alone", async () => {
  using link = await TapLink.open({ interfaceMtu: 3000, mtu: 1500 });
  const { region } = link.pool;
  const before = region.u8.slice();
  link.peer.send(frame(3000, 1));
  assertEquals(link.burst(), []);
  const changed = region.u8.reduce((sum, byte, i) => byte === before[i] ? sum : sum + 1, 0);
  assertEquals(changed <= ROOM + 1, true, `${changed} bytes are other ones`);
});

tapTest("a dry pool is UNDERRUN; what waits stays with Linux and arrives in order", async () => {
  using link = await TapLink.open({ netbufs: 3 });
  for (let i = 0; i < 10; i++) link.peer.send(frame(60, i));
  const netbufs: Netbuf[] = [];
  for (const expected of [1, 2, 0]) {
    const burst: Netbuf[] = [];
    assertEquals(link.netdev.rxBurst(0, burst, 16), expected);
    netbufs.push(...burst.slice(0, expected));
  }
  assertEquals(link.ops.rxqStatus(0), NETDEV_STATUS_UNDERRUN | NETDEV_STATUS_MORE);
  assertEquals(link.netdev.rxOne(0, []), NETDEV_STATUS_UNDERRUN);
  assertEquals(link.netdev.rxqIntrEnable(0), 1);
  assertEquals(link.netdev.statsGet().rxUnderruns, 2);
  for (const netbuf of netbufs) netbuf.free();
  const rest = [...link.burst(), ...link.burst(), ...link.burst()];
  assertEquals(rest, [3, 4, 5, 6, 7, 8, 9].map((seed) => [...frame(60, seed)]));
});

tapTest("a dry pool with nothing to receive is no UNDERRUN", async () => {
  using link = await TapLink.open({ netbufs: 1 });
  const netbuf = link.pool.alloc();
  assertEquals(link.burst(), []);
  assertEquals([link.ops.rxqStatus(0), link.netdev.statsGet().rxUnderruns], [0, 0]);
  netbuf?.free();
});
