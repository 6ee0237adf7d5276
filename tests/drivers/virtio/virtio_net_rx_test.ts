import { assertEquals } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
} from "../../../netdev/netdev_types.ts";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import { HDR_BYTES, VIRTIO_NET_F_MRG_RXBUF } from "../../device/virtio_net_model.ts";
import { frame, NetLink } from "./net_link.ts";

Deno.test("a frame arrives exactly, at 2 mod 4, behind the standard headroom", () => {
  for (const length of [14, 15, 42, 60, 1514, 1518]) {
    const link = new NetLink();
    link.model.receive(frame(length, 3));
    const [netbuf] = link.burst();
    assertEquals([netbuf.data % 4, netbuf.headroom, netbuf.length], [2, 64, length]);
    netbuf.free();
    link.model.receive(frame(length, 5));
    assertEquals(link.received(), [[...frame(length, 5)]]);
  }
});

Deno.test("each buffer takes a whole frame of 1514 bytes with its header (§5.1.6.3.1)", () => {
  const link = new NetLink();
  const buffers = link.model.receiveBuffers();
  assertEquals(buffers.length, 8);
  for (const { pieces: [{ length, deviceWrites }] } of buffers) {
    assertEquals([length >= 1526, deviceWrites], [true, true]);
  }
});

Deno.test("buffers do not overlap, and the longest frame ends with its netbuf", () => {
  const link = new NetLink();
  const [{ pieces: [{ offset, length }] }] = link.model.receiveBuffers();
  link.model.receive(frame(length - HDR_BYTES));
  const [netbuf] = link.burst();
  assertEquals(netbuf.tailroom, 0);
  assertEquals([netbuf.data - HDR_BYTES, netbuf.end], [offset, offset + length]);
  const starts = link.model.receiveBuffers().map(({ pieces }) => pieces[0].offset);
  starts.sort((a, b) => a - b);
  for (let i = 1; i < starts.length; i++) assertEquals(starts[i] - starts[i - 1] >= length, true);
});

for (const more of [0n, VIRTIO_F_EVENT_IDX, VIRTIO_NET_F_MRG_RXBUF]) {
  Deno.test(`10,000 frames arrive in order, with feature bits ${more.toString(16)}`, () => {
    const link = new NetLink({ more });
    let sent = 0;
    let received = 0;
    while (received < 10_000) {
      while (sent < 10_000 && link.model.receive(frame(14 + sent % 100, sent))) sent++;
      for (const bytes of link.received(5)) {
        assertEquals(bytes, [...frame(14 + received % 100, received)]);
        received++;
      }
    }
    assertEquals(link.netdev.statsGet().rxPackets, 10_000);
    assertEquals(link.pool.available, link.pool.size - 8);
  });
}

Deno.test("a burst hands out no more than was asked for, and says MORE while a frame waits", () => {
  const link = new NetLink();
  for (let i = 0; i < 3; i++) link.model.receive(frame(60, i));
  assertEquals(link.received(2).map(([first]) => first), [0, 1]);
  assertEquals(link.driver.rxqStatus(0), NETDEV_STATUS_MORE);
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS);
  netbufs[0].free();
  assertEquals(link.netdev.rxOne(0, netbufs), 0);
});

Deno.test("a burst of nothing takes nothing", () => {
  const link = new NetLink();
  link.model.receive(frame(60));
  assertEquals(link.received(0), []);
  assertEquals(link.driver.rxqStatus(0), NETDEV_STATUS_MORE);
  assertEquals(link.received().length, 1);
});

Deno.test("the ring is refilled at once, and the device told of it once a burst", () => {
  const link = new NetLink();
  for (let i = 0; i < 8; i++) link.model.receive(frame(60));
  assertEquals(link.model.receive(frame(60)), false);
  const kicks = link.model.kicks(0);
  link.received();
  assertEquals(link.model.kicks(0), kicks + 1);
  assertEquals(link.model.rx.available, 8);
  link.received();
  assertEquals(link.model.kicks(0), kicks + 1, "nothing new, no kick");
});

Deno.test("a device that wants no kicks gets none, and they are counted as suppressed", () => {
  for (const more of [0n, VIRTIO_F_EVENT_IDX]) {
    const link = new NetLink({ more });
    const before = link.netdev.statsGet();
    link.model.rx.wantKicks(false);
    link.model.receive(frame(60));
    link.received();
    assertEquals(link.model.kicks(0), before.kicks);
    assertEquals(link.netdev.statsGet().kicks, before.kicks);
    assertEquals(link.netdev.statsGet().kicksSuppressed, before.kicksSuppressed + 1);
    assertEquals(link.model.receiveBuffers().length, 8, "the buffer is posted all the same");
  }
});

Deno.test("a short pool is UNDERRUN, and is counted at each refill that found it dry", () => {
  const link = new NetLink({ netbufs: 5 });
  assertEquals(link.model.receiveBuffers().length, 5);
  link.model.receive(frame(60, 1));
  const netbufs: Netbuf[] = [];
  assertEquals(link.netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_UNDERRUN);
  const { rxUnderruns } = link.netdev.statsGet();
  assertEquals(link.netdev.rxOne(0, []), NETDEV_STATUS_UNDERRUN);
  assertEquals(link.netdev.statsGet().rxUnderruns, rxUnderruns + 1);
  netbufs[0].free();
});

Deno.test("a ring that ran dry is refilled by the next burst, kicked, and hears again", () => {
  const link = new NetLink({ netbufs: 8 });
  for (let i = 0; i < 8; i++) link.model.receive(frame(60, i));
  const held = link.burst();
  assertEquals([held.length, link.pool.available], [8, 0]);
  assertEquals(link.model.receive(frame(60)), false);
  for (const netbuf of held) netbuf.free();
  const kicks = link.model.kicks(0);
  assertEquals(link.received(), []);
  assertEquals(link.driver.rxqStatus(0), 0);
  assertEquals(link.model.kicks(0), kicks + 1);
  assertEquals(link.model.receive(frame(60, 9)), true);
  assertEquals(link.received(), [[...frame(60, 9)]]);
});

Deno.test("a frame in two and three buffers is one packet, whose content is right", () => {
  for (const pieces of [2, 3]) {
    const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF, stride: 256 });
    const capacity = link.model.receiveBuffers()[0].pieces[0].length;
    for (const length of [capacity * (pieces - 1) - HDR_BYTES + 1, capacity * pieces - HDR_BYTES]) {
      link.model.receive(frame(20, 1));
      link.model.receive(frame(length, 2));
      link.model.receive(frame(30, 3));
      assertEquals(
        link.received(),
        [frame(20, 1), frame(length, 2), frame(30, 3)].map((bytes) => [
          ...bytes,
        ]),
      );
      assertEquals(link.model.receiveBuffers().length, 8);
    }
    assertEquals(link.netdev.statsGet().drops.rx_bad_length, 0);
    assertEquals(link.pool.available, link.pool.size - 8);
  }
});

Deno.test("bytes of a merged packet are counted over all its pieces", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_MRG_RXBUF, stride: 256 });
  link.model.receive(frame(500));
  link.received();
  const { rxPackets, rxBytes } = link.netdev.statsGet();
  assertEquals([rxPackets, rxBytes], [1, 500]);
});

Deno.test("without MRG_RXBUF num_buffers is not looked at", () => {
  const link = new NetLink();
  for (const count of [0, 2, 0xffff]) {
    const bytes = new Uint8Array(HDR_BYTES + 60);
    bytes.set([count & 0xff, count >>> 8], 10);
    link.model.receiveRaw({ bytes });
  }
  assertEquals(link.received().length, 3);
});
