import { assert, assertEquals, assertThrows } from "@std/assert";
import { featureNames } from "../../../drivers/virtio/features.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS } from "../../device/multiqueue_net_model.ts";
import {
  VIRTIO_F_ACCESS_PLATFORM,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_RESET,
} from "../../device/ring_device.ts";
import { VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import {
  CONTROL_FEATURES,
  NET_FEATURES,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_VQ_NOTF_COAL,
} from "../../device/virtio_net_model.ts";
import { ETHERNET_INFO } from "../../netdev/ethernet_info.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { frame, NetLink, ProbedNet } from "./net_link.ts";

const USED = NET_FEATURES | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU |
  VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_IN_ORDER |
  CONTROL_FEATURES | VIRTIO_NET_F_NOTF_COAL | VIRTIO_NET_F_VQ_NOTF_COAL |
  VIRTIO_NET_F_SPEED_DUPLEX | VIRTIO_F_RING_RESET | VIRTIO_F_ACCESS_PLATFORM;

Deno.test("a card goes through its life: each status once, DRIVER_OK before the first kick", () => {
  const link = new NetLink();
  assertEquals(link.model.calls, [
    "status 0",
    "status 1",
    "status 3",
    "features",
    "status 11",
    "queue 0",
    "queue 1",
    "status 15",
    "kick 0",
  ]);
  assertEquals(link.netdev.state, NetdevState.RUNNING);
  assertEquals([link.netdev.name, link.netdev.driverName], ["net0", "virtio-net"]);
  assertEquals(link.driver.location, "model");
  link.netdev.close();
  assertEquals(link.netdev.state, NetdevState.INVALID);
});

Deno.test("of all features that can be offered those are accepted that the driver makes use of", () => {
  const net = new ProbedNet({ features: 2n ** 64n - 1n });
  net.netdev.probe();
  const used = USED | VIRTIO_NET_F_MQ | VIRTIO_NET_F_RSS |
    VIRTIO_NET_F_HASH_REPORT;
  assertEquals(net.model.accepted, used);
  assertEquals(net.driver.features, used);
  assertEquals(featureNames(net.driver.features), [
    "CSUM",
    "GUEST_CSUM",
    "MTU",
    "MAC",
    "MRG_RXBUF",
    "STATUS",
    "CTRL_VQ",
    "CTRL_RX",
    "CTRL_VLAN",
    "CTRL_RX_EXTRA",
    "GUEST_ANNOUNCE",
    "MQ",
    "CTRL_MAC_ADDR",
    "INDIRECT_DESC",
    "EVENT_IDX",
    "VERSION_1",
    "ACCESS_PLATFORM",
    "IN_ORDER",
    "RING_RESET",
    "VQ_NOTF_COAL",
    "NOTF_COAL",
    "HASH_REPORT",
    "RSS",
    "SPEED_DUPLEX",
  ]);
});

Deno.test("nothing is accepted that isn't on offer", () => {
  const features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC;
  const net = new ProbedNet({ features });
  net.netdev.probe();
  assertEquals(net.model.accepted, features);
});

Deno.test("a device without VERSION_1 is ENOTSUP, and the message names the bit", () => {
  const net = new ProbedNet({ features: VIRTIO_NET_F_MAC });
  const error = assertThrows(() => net.netdev.probe(), NetdevError, "VIRTIO_F_VERSION_1");
  assertEquals(error.code, "ENOTSUP");
  assertEquals(net.netdev.state, NetdevState.UNPROBED);
});

Deno.test("a device that refuses the features is a VirtioError, and stays UNPROBED", () => {
  const net = new ProbedNet();
  net.model.script = { acceptsFeatures: () => false };
  assertThrows(() => net.netdev.probe(), VirtioError, "does not accept");
  assertEquals(net.netdev.state, NetdevState.UNPROBED);
});

Deno.test("the driver tells what it needs: one pair of queues, 12 bytes in front of a frame", () => {
  const net = new ProbedNet({ queueSizes: [256, 128] });
  net.netdev.probe();
  assertEquals(net.netdev.infoGet(), {
    ...ETHERNET_INFO,
    maxRxQueues: 1,
    maxTxQueues: 1,
    maxMtu: 1500,
    encapTx: 12,
    encapRx: 12,
    minRxBufferBytes: 1518,
    rxqInterrupts: true,
  });
  const rx = { minDescriptors: 2, maxDescriptors: 256, powerOfTwo: true };
  assertEquals(net.netdev.rxqInfoGet(0), rx);
  assertEquals(net.netdev.txqInfoGet(0), { ...rx, maxDescriptors: 128 });
});

Deno.test("queues are as large as the device allows, or as large as asked for", () => {
  for (const [asked, size] of [[0, 16], [4, 4], [16, 16]]) {
    const net = new ProbedNet({ queueSizes: [16, 16] });
    net.netdev.probe();
    const pool = configureOnePair(net.netdev, 40, asked);
    net.netdev.start();
    assertEquals([net.model.rx.size, net.model.tx.size], [size, size]);
    assertEquals(pool.available, 40 - size);
  }
});

for (const size of [0, 1, 3, 24, 257, 32769, 65535, 65536]) {
  Deno.test(`a device that offers a queue of ${size} is EIO, for receiving and for sending`, () => {
    const receiving = new ProbedNet({ queueSizes: [size, 8] });
    receiving.netdev.probe();
    receiving.netdev.configure({ rxQueues: 1, txQueues: 1 });
    const pool = receiving.netdev.poolCreate({ count: 4 });
    assertEquals(
      assertThrows(() => receiving.netdev.rxqConfigure(0, 0, { pool }), NetdevError).code,
      "EIO",
    );
    const sending = new ProbedNet({ queueSizes: [8, size] });
    sending.netdev.probe();
    sending.netdev.configure({ rxQueues: 1, txQueues: 1 });
    assertEquals(assertThrows(() => sending.netdev.txqConfigure(0, 0), NetdevError).code, "EIO");
  });
}

Deno.test("a device with one queue only is EIO", () => {
  const net = new ProbedNet({ queueSizes: [8] });
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals(assertThrows(() => net.netdev.txqConfigure(0, 0), NetdevError).code, "EIO");
});

Deno.test("close() shuts the device up, resets it, and gives every netbuf back", () => {
  const link = new NetLink();
  link.send(link.packet(frame(60)), link.packet(frame(40), frame(50)));
  link.model.takeTransmit();
  link.model.receive(frame(60));
  const held = link.burst();
  assert(link.pool.available < link.pool.size - 10);
  for (const netbuf of held) netbuf.free();
  link.netdev.close();
  assertEquals(link.pool.available, link.pool.size);
  assertEquals(link.model.calls.slice(-2), ["status 0", "shutdown"]);
});

Deno.test("close() of a device that was never started resets it all the same", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  net.netdev.close();
  assertEquals(net.model.calls.slice(-2), ["status 0", "shutdown"]);
});

Deno.test("close() of a device that does not reset is a VirtioError, with access taken away", () => {
  const link = new NetLink();
  link.model.script = { resetReads: Infinity };
  assertThrows(() => link.netdev.close(), VirtioError, "not reset");
  assertEquals(link.model.calls.at(-1), "shutdown");
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("counters begin at zero and tell what went through", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  const { drops: _none, rxQueues, txQueues, ...totals } = net.netdev.statsGet();
  assertEquals([rxQueues, txQueues, new Set(Object.values(totals))], [[], [], new Set([0])]);
  const link = new NetLink();
  for (let i = 0; i < 3; i++) link.model.receive(frame(60 + i));
  link.received();
  link.send(link.packet(frame(100)), link.packet(frame(20), frame(30)));
  const stats = link.netdev.statsGet();
  assertEquals([stats.rxPackets, stats.rxBytes], [3, 183]);
  assertEquals([stats.txPackets, stats.txBytes], [2, 150]);
  assertEquals(stats.kicks, link.model.kicks(0) + link.model.kicks(1));
  assertEquals([...stats.rxQueues, ...stats.txQueues].map(({ kicks }) => kicks), [
    link.model.kicks(0),
    link.model.kicks(1),
  ]);
  const reasons = [
    ...["rx_too_short", "rx_bad_length", "rx_bad_buffer_count", "rx_bad_checksum_offset"],
  ];
  assertEquals(Object.keys(stats.rxQueues[0].drops), reasons);
  const txReasons = [
    "tx_too_short",
    "tx_too_long",
    "tx_too_many_pieces",
    "tx_foreign",
    "tx_bad_headroom",
    "tx_bad_checksum_offset",
    "tx_timeout",
  ];
  assertEquals(
    stats.drops,
    Object.fromEntries([...reasons, ...txReasons].map((name) => [name, 0])),
  );
});

Deno.test("the rings tell how many descriptors hold buffers that the device has", () => {
  const link = new NetLink();
  const rings = (): unknown => {
    const { rxQueues: [rx], txQueues: [tx] } = link.netdev.statsGet();
    return [rx.ring, tx.ring];
  };
  assertEquals(rings(), [{ size: 8, used: 8 }, { size: 8, used: 0 }]);
  link.send(link.packet(frame(100)), link.packet(frame(20), frame(30)));
  assertEquals(rings(), [{ size: 8, used: 8 }, { size: 8, used: 3 }]);
  link.model.transmit();
  link.netdev.txqReclaim(0);
  assertEquals(rings(), [{ size: 8, used: 8 }, { size: 8, used: 0 }]);
  link.netdev.stop();
  assertEquals(rings(), [{ size: 8, used: 0 }, { size: 8, used: 0 }]);
});

Deno.test("a device that the driver can't use is told so: FAILED (§3.1.1)", () => {
  const refused = new ProbedNet();
  refused.model.script = { acceptsFeatures: () => false };
  assertThrows(() => refused.netdev.probe());
  assertEquals(refused.model.calls.at(-1), "status 139");
  const legacy = new ProbedNet({ features: VIRTIO_NET_F_MAC });
  assertThrows(() => legacy.netdev.probe());
  assertEquals(legacy.model.calls.at(-1), "status 131", "before any feature was accepted");
});

Deno.test("a start that fails sets FAILED, and close() gives the netbufs back", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  const pool = configureOnePair(net.netdev, 32);
  net.model.interruptsConnect = () => {
    throw new VirtioError("no vectors");
  };
  assertThrows(() => net.netdev.start(), VirtioError, "no vectors");
  assertEquals(net.model.calls.at(-1), "status 128");
  assertEquals(net.netdev.state, NetdevState.CONFIGURED);
  net.netdev.close();
  assertEquals(pool.available, 32);
});

Deno.test("a pool of a number that is none leaves the memory of rings and pools alone", () => {
  const net = new ProbedNet();
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  const first = net.netdev.poolCreate({ count: 4 });
  for (const count of [-1000, NaN, 0, 1.5]) {
    assertThrows(() => net.netdev.poolCreate({ count }), NetdevError);
  }
  const second = net.netdev.poolCreate({ count: 4 });
  const start = (pool: NetbufPool) => pool.alloc()?.start ?? 0;
  assert(start(second) - start(first) >= 4 * 2048);
});

Deno.test("a probe that failed may be tried again: the device is reset before (§2.1.1)", () => {
  const net = new ProbedNet();
  net.model.script = { acceptsFeatures: () => false };
  assertThrows(() => net.netdev.probe(), VirtioError);
  net.model.script = {};
  net.netdev.probe();
  assertEquals(net.model.calls.slice(5), [
    "status 139",
    "status 0",
    "status 1",
    "status 3",
    "features",
    "status 11",
  ]);
  assertEquals(net.netdev.state, NetdevState.UNCONFIGURED);
});
