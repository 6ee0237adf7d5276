import { assertEquals, assertThrows } from "@std/assert";
import { netbufStride } from "../../../netdev/netbuf_pool.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import {
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  type VirtioNetModelOptions,
} from "../../device/virtio_net_model.ts";
import { frame, NetLink, ProbedNet } from "./net_link.ts";

/** A card that is probed and configured, so that a pool can be made for it. */
function configured(options: VirtioNetModelOptions): ProbedNet {
  const net = new ProbedNet(options);
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  return net;
}

Deno.test("netbufs hold a whole frame and a VLAN tag, or its header where buffers are merged", () => {
  const needed = (mtu: number, more = 0n): number =>
    configured({ more: VIRTIO_NET_F_MTU | more, mtu }).netdev.infoGet().minRxBufferBytes;
  assertEquals([68, 1500, 9000].map((mtu) => needed(mtu)), [86, 1518, 9018]);
  assertEquals([68, 9000].map((mtu) => needed(mtu, VIRTIO_NET_F_MRG_RXBUF)), [14, 14]);
});

Deno.test("a pool whose netbufs are too small is refused, unless buffers are merged", () => {
  const small = configured({ more: VIRTIO_NET_F_MTU, mtu: 9000 }).netdev;
  const pool = small.poolCreate({ count: 16 });
  const error = assertThrows(() => small.rxqConfigure(0, 0, { pool }), NetdevError, "9018");
  assertEquals([error.code, error.message.includes("2046")], ["EINVAL", true]);
  small.rxqConfigure(0, 0, { pool: small.poolCreate({ count: 16, stride: netbufStride(9018) }) });
  const more = VIRTIO_NET_F_MTU | VIRTIO_NET_F_MRG_RXBUF;
  const merging = configured({ more, mtu: 9000 }).netdev;
  merging.rxqConfigure(0, 0, { pool: merging.poolCreate({ count: 16 }) });
});

Deno.test("a jumbo frame comes in one netbuf or in five, and goes out again", () => {
  for (
    const [more, stride, pieces] of [[0n, 9088, 1], [VIRTIO_NET_F_MRG_RXBUF, 2048, 5]] as const
  ) {
    const link = new NetLink({ more: VIRTIO_NET_F_MTU | more, mtu: 9000, stride });
    const jumbo = frame(9014, 5);
    assertEquals(link.model.receive(jumbo), true);
    assertEquals(link.send(...link.burst()), 1);
    const [sent] = link.model.transmit();
    assertEquals([sent.pieces, sent.frame], [pieces, [...jumbo]]);
    link.send(
      link.packet(frame(1900), new Uint8Array(1900), frame(1900), frame(1900), frame(1415)),
    );
    assertEquals(link.model.transmit(), [], "one byte more than the MTU allows");
    assertEquals(link.netdev.statsGet().drops.tx_too_long, 1);
    link.netdev.close();
    assertEquals(link.pool.available, link.pool.size);
  }
});
