import { assertEquals, assertThrows } from "@std/assert";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import {
  NET_MAC,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MTU,
  type VirtioNetModelOptions,
} from "../../device/virtio_net_model.ts";
import { VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import { ProbedNet } from "./net_link.ts";

/** A card that is probed and configured, so that it can be asked. */
function configured(options: VirtioNetModelOptions = {}): ProbedNet {
  const net = new ProbedNet(options);
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  return net;
}

Deno.test("the MAC address is the one in configuration, a copy of it", () => {
  const { netdev } = configured();
  assertEquals([...netdev.hwaddrGet()], NET_MAC);
  netdev.hwaddrGet()[0] = 99;
  assertEquals([...netdev.hwaddrGet()], NET_MAC);
});

Deno.test("a MAC address that changes while it's read is never a mixture of two", () => {
  const net = new ProbedNet();
  const other = [2, 4, 6, 8, 10, 12];
  net.model.script = {
    onConfigRead: (offset) => {
      if (offset !== 3 || net.model.config[0] === 2) return;
      net.model.config.set(other);
      net.model.touchConfig();
    },
  };
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals([...net.netdev.hwaddrGet()], other);
});

Deno.test("a MAC address that never stays the same is a VirtioError", () => {
  const net = new ProbedNet();
  net.model.script = { onConfigRead: () => net.model.touchConfig() };
  assertThrows(() => net.netdev.probe(), VirtioError, "never stays the same");
});

Deno.test("the MTU is the one at offset 10, where it's on offer", () => {
  const net = configured({ more: VIRTIO_NET_F_MTU, mtu: 1400 });
  assertEquals(net.netdev.mtuGet(), 1400);
  assertEquals(net.netdev.infoGet().maxMtu, 1400);
  assertEquals(net.model.accepted & VIRTIO_NET_F_MTU, VIRTIO_NET_F_MTU);
});

for (const [mtu, accepted] of [[0, false], [67, false], [68, true], [1500, true]] as const) {
  Deno.test(`an MTU of ${mtu} is ${accepted ? "accepted" : "refused by its feature bit"}`, () => {
    const net = configured({ more: VIRTIO_NET_F_MTU, mtu });
    assertEquals((net.model.accepted & VIRTIO_NET_F_MTU) !== 0n, accepted);
    assertEquals(net.netdev.mtuGet(), accepted ? mtu : 1500);
  });
}

Deno.test("without VIRTIO_NET_F_MTU the MTU is 1500, whatever stands in configuration", () => {
  assertEquals(configured({ mtu: 600 }).netdev.mtuGet(), 1500);
});

Deno.test("an MTU of up to 9000 is taken as it is, a larger one cut down to that", () => {
  for (const mtu of [1501, 4000, 8999, 9000, 9001, 65535]) {
    const { netdev } = configured({ more: VIRTIO_NET_F_MTU, mtu });
    assertEquals(netdev.mtuGet(), Math.min(mtu, 9000));
  }
});

Deno.test("configuration is read only where its feature is on offer (§2.5.1)", () => {
  const offsets = new Set<number>();
  const net = new ProbedNet({ features: VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC });
  net.model.script = { onConfigRead: (offset) => offsets.add(offset) };
  net.netdev.probe();
  assertEquals([...offsets].toSorted(), [0, 1, 2, 3, 4, 5]);
});

Deno.test("the link is up or down by the status, of which one bit counts", () => {
  for (const [status, up] of [[0, false], [1, true], [2, false], [0xffff, true]] as const) {
    const net = new ProbedNet();
    net.model.config.set([status & 0xff, status >>> 8], 6);
    net.netdev.probe();
    net.netdev.configure({ rxQueues: 1, txQueues: 1 });
    assertEquals(net.netdev.linkGet(), up, `status ${status}`);
  }
});

Deno.test("the link is up where the device can't tell", () => {
  const net = new ProbedNet({ features: VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MAC });
  net.model.config.set([0, 0], 6);
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals(net.netdev.linkGet(), true);
});

Deno.test("an MTU that is another at the second read is read but once", () => {
  for (const mtu of [0, 67, 65535]) {
    const net = new ProbedNet({ more: VIRTIO_NET_F_MTU, mtu: 1400 });
    let reads = 0;
    net.model.script = {
      onConfigRead: (offset) => {
        if (offset === 10 && reads++ > 0) net.model.setMtu(mtu);
      },
    };
    net.netdev.probe();
    assertEquals(net.netdev.infoGet().maxMtu, 1400);
  }
});

Deno.test("an offer that grows between two reads is the one that was looked at", () => {
  const net = new ProbedNet({ mtu: 5 });
  let reads = 0;
  net.model.deviceFeatures = () => {
    if (reads++ > 0) net.model.features |= VIRTIO_NET_F_MTU;
    return net.model.features;
  };
  net.netdev.probe();
  assertEquals(net.netdev.infoGet().maxMtu, 1500);
});
