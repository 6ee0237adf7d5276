import { assertEquals } from "@std/assert";
import { NETDEV_STATUS_MORE, NETDEV_STATUS_SUCCESS } from "../../../netdev/netdev_types.ts";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import { VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_MTU } from "../../device/virtio_net_model.ts";
import { frame, NetLink } from "./net_link.ts";

const NO_HEADER = new Array<number>(12).fill(0);

Deno.test("a packet leaves behind a header of zeros, though its buffer was full of rubbish", () => {
  for (const length of [14, 15, 60, 1514]) {
    const link = new NetLink();
    assertEquals(link.send(link.packet(frame(length, 1))), 1);
    assertEquals(link.model.transmit(), [
      { header: NO_HEADER, frame: [...frame(length, 1)], pieces: 1 },
    ]);
  }
});

Deno.test("a received netbuf goes back out where it is, without the header it came with", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF });
  const bytes = new Uint8Array(12 + 60).fill(0xff);
  bytes.set([1, 0], 10);
  link.model.receiveRaw({ bytes });
  assertEquals(link.send(...link.burst()), 1);
  const [{ header, frame: sent }] = link.model.transmit();
  assertEquals([header, sent], [NO_HEADER, [...bytes.subarray(12)]]);
});

Deno.test("a chained packet is one buffer of the ring, header and first piece together", () => {
  const link = new NetLink();
  link.send(link.packet(frame(20, 1), frame(33, 2), frame(7, 3)));
  const content = [...frame(20, 1), ...frame(33, 2), ...frame(7, 3)];
  assertEquals(link.model.transmit(), [{ header: NO_HEADER, frame: content, pieces: 3 }]);
});

Deno.test("an empty piece has no descriptor, and its netbuf comes back with the others", () => {
  const link = new NetLink();
  const none = new Uint8Array(0);
  link.send(link.packet(none, frame(20, 1), none, frame(10, 2), none));
  const sent = link.model.transmit();
  const content = [...frame(20, 1), ...frame(10, 2)];
  assertEquals(sent, [{ header: NO_HEADER, frame: content, pieces: 3 }]);
  assertEquals(link.netdev.txqReclaim(0), 8);
  assertEquals(link.pool.available, link.pool.size - 8);
});

Deno.test("a burst is taken from where it's told, and kicks once", () => {
  const link = new NetLink();
  const packets = [1, 2, 3, 4].map((seed) => link.packet(frame(60, seed)));
  const kicks = link.model.kicks(1);
  assertEquals(link.netdev.txBurst(0, packets, 1, 2), 2);
  assertEquals(link.model.kicks(1), kicks + 1);
  assertEquals(link.model.transmit().map((sent) => sent.frame[0]), [2, 3]);
  packets[0].free();
  packets[3].free();
});

Deno.test("a burst of nothing does not kick", () => {
  const link = new NetLink();
  assertEquals(link.send(), 0);
  assertEquals(link.model.kicks(1), 0);
});

Deno.test("a device that wants no kicks gets none, and they are counted as suppressed", () => {
  for (const more of [0n, VIRTIO_F_EVENT_IDX]) {
    const link = new NetLink({ more });
    link.model.tx.wantKicks(false);
    link.send(link.packet(frame(60)));
    assertEquals(link.model.kicks(1), 0);
    assertEquals(link.netdev.statsGet().kicksSuppressed, 1);
    assertEquals(link.model.transmit().length, 1);
  }
});

Deno.test("a full ring takes what fits and leaves the rest with the caller", () => {
  const link = new NetLink();
  const packets = Array.from({ length: 10 }, (_, i) => link.packet(frame(60, i)));
  assertEquals(link.netdev.txBurst(0, packets, 0, 10), 8);
  assertEquals(link.netdev.txBurst(0, packets, 8, 2), 0);
  assertEquals(link.netdev.txqReclaim(0), 0);
  assertEquals(packets.slice(8).map(({ references }) => references), [1, 1]);
  assertEquals(link.model.transmit().map((sent) => sent.frame[0]), [0, 1, 2, 3, 4, 5, 6, 7]);
  assertEquals(link.netdev.txBurst(0, packets, 8, 2), 2);
  assertEquals(link.model.transmit().map((sent) => sent.frame[0]), [8, 9]);
  assertEquals(link.netdev.statsGet().txPackets, 10);
});

Deno.test("a chain that finds too little room stays whole with the caller", () => {
  const link = new NetLink();
  for (let i = 0; i < 6; i++) link.send(link.packet(frame(60, i)));
  const chain = link.packet(frame(20), frame(30), frame(40));
  assertEquals(link.send(chain), 0);
  assertEquals([chain.references, chain.chainLength()], [1, 90]);
  assertEquals(link.send(link.packet(frame(20), frame(30))), 1);
  assertEquals(link.model.transmit().map(({ pieces }) => pieces), [1, 1, 1, 1, 1, 1, 2]);
});

Deno.test("txOne() says MORE while another packet fits, and no SUCCESS when none does", () => {
  const link = new NetLink({ queueSizes: [8, 2] });
  const sent = () => link.netdev.txOne(0, [link.packet(frame(60))]);
  assertEquals(sent(), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_MORE);
  assertEquals(sent(), NETDEV_STATUS_SUCCESS);
  const rejected = link.packet(frame(60));
  assertEquals(link.netdev.txOne(0, [rejected]), 0);
  assertEquals(rejected.references, 1);
});

Deno.test("netbufs come back when the device is done, in its order, and not before", () => {
  const link = new NetLink();
  const available = link.pool.available;
  link.send(...[1, 2, 3].map((seed) => link.packet(frame(60, seed))));
  const buffers = link.model.takeTransmit();
  assertEquals(link.netdev.txqReclaim(0), 5);
  assertEquals(link.pool.available, available - 3);
  link.model.completeTransmit([buffers[2], buffers[0]]);
  assertEquals(link.netdev.txqReclaim(0), 7);
  assertEquals(link.pool.available, available - 1);
  link.model.completeTransmit([buffers[1]]);
  assertEquals(link.netdev.txqReclaim(0), 8);
  assertEquals(link.pool.available, available);
});

for (const more of [0n, VIRTIO_F_EVENT_IDX]) {
  Deno.test(`70,000 packets leave in order, with feature bits ${more.toString(16)}`, () => {
    const link = new NetLink({ more });
    let sent = 0;
    for (let next = 0; next < 70_000;) {
      const packets = Array.from({ length: 3 }, (_, i) => link.packet(frame(20, next + i)));
      next += 3;
      assertEquals(link.send(...packets), 3);
      for (const { frame: [first] } of link.model.transmit()) {
        if (first !== (sent & 0xff)) throw new Error(`packet ${sent} is out of order`);
        sent++;
      }
      assertEquals(sent, next);
    }
    assertEquals(link.model.interrupts[2] <= 2, true, "the transmit queue is masked");
  });
}

Deno.test("frames that are none are dropped, counted and freed, and the rest of the burst goes on", () => {
  const link = new NetLink();
  const available = link.pool.available;
  const packets = [0, 13, 1519, 60].map((length) => link.packet(frame(length, length)));
  packets.push(link.packet(frame(700), frame(819)));
  assertEquals(link.send(...packets), 5);
  assertEquals(link.model.transmit().map((sent) => sent.frame.length), [60]);
  link.netdev.txqReclaim(0);
  const { drops, txPackets, txBytes } = link.netdev.statsGet();
  assertEquals([drops.tx_too_short, drops.tx_too_long, txPackets, txBytes], [2, 2, 1, 60]);
  assertEquals(link.pool.available, available);
});

Deno.test("the MTU bounds a frame, and a VLAN tag may come on top", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MTU, mtu: 600 });
  const tagged = frame(618);
  tagged.set([0x81, 0x00], 12);
  const packets = [frame(614), tagged, frame(619)].map((bytes) => link.packet(bytes));
  link.send(...packets);
  assertEquals(link.model.transmit().map((sent) => sent.frame.length), [614, 618]);
  assertEquals(link.netdev.statsGet().drops.tx_too_long, 1);
});

Deno.test("a packet at an odd address, or without room for the header, is dropped and counted", () => {
  const link = new NetLink();
  const available = link.pool.available;
  const odd = link.packet(frame(61));
  odd.pull(1);
  const tight = link.packet(frame(60));
  tight.push(54);
  const enough = link.packet(frame(60));
  enough.push(52);
  assertEquals(link.send(odd, tight, enough), 3);
  const sent = link.model.transmit();
  assertEquals(sent.map(({ header, frame }) => [header, frame.length]), [[NO_HEADER, 112]]);
  link.netdev.txqReclaim(0);
  assertEquals(link.netdev.statsGet().drops.tx_bad_headroom, 2);
  assertEquals(link.pool.available, available);
});

Deno.test("a broken transmit ring is reported, and never throws", () => {
  for (const id of [8, 5, 0xffff_ffff]) {
    const link = new NetLink();
    link.send(link.packet(frame(60)));
    link.model.tx.use(id, 0);
    for (let i = 0; i < 20; i++) {
      const packet = link.packet(frame(60));
      if (link.send(packet) === 0) packet.free();
      link.netdev.txqReclaim(0);
    }
    assertEquals(link.events[0], "model broke the transmit queue: its used ring is nonsense");
    link.netdev.close();
    assertEquals(link.pool.available, link.pool.size);
  }
});

Deno.test("the length that a device claims to have written to a sent packet means nothing", () => {
  const link = new NetLink();
  link.send(link.packet(frame(60)));
  const [{ head }] = link.model.takeTransmit();
  link.model.tx.use(head, 0xffff_ffff);
  assertEquals(link.netdev.txqReclaim(0), 8);
  assertEquals(link.events, []);
});

Deno.test("a chain that finds too little room takes back what was sent, and goes out", () => {
  const link = new NetLink();
  for (let i = 0; i < 7; i++) link.send(link.packet(frame(60, i)));
  assertEquals(link.model.transmit().length, 7);
  // One descriptor is free and one packet is to be sent, but it needs three.
  assertEquals(link.send(link.packet(frame(20), frame(20), frame(20))), 1);
  assertEquals(link.model.transmit().length, 1);
});

Deno.test("a chain that is longer than the ring is dropped and counted: it would never fit", () => {
  const link = new NetLink({ queueSizes: [8, 2] });
  const available = link.pool.available;
  const long = link.packet(frame(20), frame(20), frame(20));
  assertEquals(link.send(long, link.packet(frame(60))), 2);
  assertEquals(link.model.transmit().map((sent) => sent.frame.length), [60]);
  link.netdev.txqReclaim(0);
  assertEquals(link.netdev.statsGet().drops.tx_too_many_pieces, 1);
  assertEquals(link.pool.available, available);
});

Deno.test("without a VLAN tag the MTU leaves no room for one (§5.1.4.2)", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MTU, mtu: 600 });
  link.send(link.packet(frame(615)), link.packet(frame(618)), link.packet(frame(614)));
  assertEquals(link.model.transmit().map((sent) => sent.frame.length), [614]);
  assertEquals(link.netdev.statsGet().drops.tx_too_long, 2);
});

Deno.test("a packet with a piece in another device's memory is dropped, freed and counted", () => {
  const link = new NetLink();
  const other = new NetLink();
  const mixed = link.packet(frame(20));
  mixed.append(other.packet(frame(40)));
  const available = [link.pool.available + 1, other.pool.available + 1];
  assertEquals(link.send(other.packet(frame(60)), mixed, link.packet(frame(60, 5))), 3);
  assertEquals(link.model.transmit().map((sent) => sent.frame), [[...frame(60, 5)]]);
  link.netdev.txqReclaim(0);
  const { drops, txPackets } = link.netdev.statsGet();
  assertEquals([drops.tx_foreign, txPackets], [2, 1]);
  assertEquals([link.pool.available, other.pool.available], available);
});
