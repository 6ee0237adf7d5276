import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { tapTest } from "../../linux/network_namespace.ts";
import { frame, NAME, TapLink } from "./tap_link.ts";

tapTest("a burst comes out at Linux's side in order, and its netbufs are free again", async () => {
  using link = await TapLink.open();
  const frames = [frame(14, 1), frame(60, 2), frame(1514, 3)];
  assertEquals(link.netdev.txBurst(0, frames.map((bytes) => link.packet(bytes)), 0, 3), 3);
  assertEquals(link.peerReceived(), frames.map((bytes) => [...bytes]));
  const { txPackets, txBytes, kicks } = link.netdev.statsGet();
  assertEquals([txPackets, txBytes, kicks], [3, 14 + 60 + 1514, 3]);
  assertEquals(link.pool.available, link.pool.size);
});

tapTest("a burst begins and ends where it is told to", async () => {
  using link = await TapLink.open();
  const netbufs = [1, 2, 3, 4].map((seed) => link.packet(frame(60, seed)));
  assertEquals(link.netdev.txBurst(0, netbufs, 1, 2), 2);
  assertEquals(link.peerReceived(), [[...frame(60, 2)], [...frame(60, 3)]]);
  netbufs[0].free();
  netbufs[3].free();
});

tapTest("the pieces of a chained packet go out as one frame", async () => {
  using link = await TapLink.open();
  const bytes = frame(300, 1);
  const chain = link.packet(bytes.slice(0, 14));
  chain.append(link.packet(bytes.slice(14, 15)));
  chain.append(link.packet(bytes.slice(15, 15)));
  chain.append(link.packet(bytes.slice(15)));
  assertEquals(link.netdev.txBurst(0, [chain], 0, 1), 1);
  assertEquals(link.peerReceived(), [[...bytes]]);
  assertEquals(link.pool.available, link.pool.size);
});

tapTest("frames that cannot be sent are freed and counted; the others go out", async () => {
  using link = await TapLink.open({ netbufs: 80 });
  using other = await TapLink.open();
  const chain = link.packet(frame(14));
  for (let i = 0; i < 64; i++) chain.append(link.packet(Uint8Array.of(i)));
  const mixed = link.packet(frame(60));
  mixed.append(other.packet(frame(60)));
  const netbufs: Netbuf[] = [
    link.packet(frame(13)),
    link.packet(frame(1515)),
    other.packet(frame(60)),
    mixed,
    chain,
    link.packet(frame(60, 5)),
  ];
  assertEquals(link.netdev.txBurst(0, netbufs, 0, netbufs.length), netbufs.length);
  assertEquals(link.peerReceived(), [[...frame(60, 5)]]);
  const { drops, txPackets } = link.netdev.statsGet();
  assertEquals([drops.tx_too_short, drops.tx_too_long], [1, 1]);
  assertEquals([drops.tx_foreign, drops.tx_too_many_pieces, txPackets], [2, 1, 1]);
  assertEquals(link.pool.available, link.pool.size);
  assertEquals(other.pool.available, other.pool.size);
});

tapTest(
  "an interface that is set down drops and brings the link down, until it is up",
  async () => {
    const links: boolean[] = [];
    using link = await TapLink.open({ onLink: (up) => links.push(up) });
    assertEquals(link.netdev.linkGet(), true);
    await link.namespace.ip("link", "set", NAME, "down");
    assertEquals(link.netdev.linkGet(), false);
    const send = (): number => link.netdev.txBurst(0, [link.packet(frame(60))], 0, 1);
    assertEquals([send(), send()], [1, 1]);
    assertEquals(links, [], "not in the middle of a burst");
    await Promise.resolve();
    assertEquals(links, [false]);
    assertEquals(link.netdev.statsGet().drops.tx_link_down, 2);
    await link.namespace.ip("link", "set", NAME, "up");
    assertEquals(send(), 1);
    await Promise.resolve();
    assertEquals(links, [false, true]);
    assertEquals(link.netdev.statsGet().txPackets, 1);
    assertEquals(link.pool.available, link.pool.size);
  },
);

tapTest("the MTU bounds what is sent, and can be lowered", async () => {
  using link = await TapLink.open({ mtu: 1000 });
  link.netdev.txBurst(0, [link.packet(frame(1014)), link.packet(frame(1015))], 0, 2);
  assertEquals(link.peerReceived().map(({ length }) => length), [1014]);
  link.netdev.mtuSet(100);
  link.netdev.txBurst(0, [link.packet(frame(114)), link.packet(frame(115))], 0, 2);
  assertEquals(link.peerReceived().map(({ length }) => length), [114]);
});

tapTest("there is room for as many frames as a queue says to have", async () => {
  using link = await TapLink.open();
  assertEquals(link.netdev.txqReclaim(0), link.netdev.txqInfoGet(0).maxDescriptors);
});
