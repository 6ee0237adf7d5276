import { assertEquals, assertThrows } from "@std/assert";
import { PciBus } from "../../../drivers/pci/pci_bus.ts";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../../drivers/virtio/virtio_pci.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { VIRTIO_F_ACCESS_PLATFORM } from "../../device/ring_device.ts";
import { VIRTIO_F_EVENT_IDX } from "../../device/virtio_model.ts";
import { VIRTIO_NET_F_MRG_RXBUF } from "../../device/virtio_net_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { frame } from "./net_link.ts";
import { VirtioPciLink } from "./virtio_pci_link.ts";

/** Probes the bus with the drivers that the appliance has. */
function probe(link: VirtioPciLink): NetdevRegistry {
  return probeBus(link).registry;
}

function probeBus(link: VirtioPciLink): { registry: NetdevRegistry; pciBus: PciBus } {
  const registry = new NetdevRegistry();
  const virtioBus = new VirtioBus(new FakeClock(0, 1));
  virtioBus.registerDriver(virtioNetDriver(registry));
  const pciBus = new PciBus(link.host);
  pciBus.registerDriver(virtioPciDriver(virtioBus));
  pciBus.probe();
  return { registry, pciBus };
}

Deno.test("from the bus to packets both ways: PCI, virtio and netdev fit together", () => {
  const link = new VirtioPciLink({
    more: VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF,
    barStart: 0x1_0000_0000,
  });
  const netdev = probe(link).get(0);
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: 32 });
  let events = 0;
  netdev.rxqConfigure(0, 0, { pool, onEvent: () => events++ });
  netdev.txqConfigure(0, 0);
  netdev.start();

  assertEquals(netdev.rxqIntrEnable(0), 0);
  link.model.receive(frame(60, 1));
  assertEquals(events, 1);
  const netbufs: Netbuf[] = [];
  assertEquals(netdev.rxBurst(0, netbufs, 8), 1);
  assertEquals(packetBytes(netbufs[0]), [...frame(60, 1)]);
  assertEquals(netdev.txBurst(0, netbufs, 0, 1), 1);
  assertEquals(link.model.transmit().map((sent) => sent.frame), [[...frame(60, 1)]]);
  assertEquals([link.model.kicks(0) > 0, link.model.kicks(1)], [true, 1]);
  netdev.close();
  assertEquals(pool.available, 32);
});

Deno.test("a card that goes around the IOMMU is refused, before it's told where anything is", () => {
  const link = new VirtioPciLink();
  link.host.behindIommu = true;
  assertThrows(() => probe(link), VirtioError, "pci 00:02.0 goes around the IOMMU");
  assertEquals([link.host.bars.size, link.model.calls], [0, []]);
  const other = new VirtioPciLink({ more: VIRTIO_F_ACCESS_PLATFORM });
  other.host.behindIommu = true;
  assertEquals(probe(other).count(), 1);
});

Deno.test("only network cards of virtio's vendor are taken, by their id, or by that of their subsystem", () => {
  const link = new VirtioPciLink();
  const strangers = [[0x1af4, 0x1042], [0x1af4, 0x1110], [0x8086, 0x1041]];
  strangers.forEach(([vendorId, deviceId], i) => {
    link.host.plug(8 + i, 0, new FakePciFunction({ vendorId, deviceId }));
  });
  const block = { vendorId: 0x1af4, deviceId: 0x1000, subsystemId: 2 };
  link.host.plug(20, 0, new FakePciFunction(block));
  assertEquals(probe(link).count(), 1);
});

Deno.test("a card that was pulled is closed and forgotten; one that is put in is another netdev", () => {
  const link = new VirtioPciLink();
  const { registry, pciBus } = probeBus(link);
  const netdev = registry.get(0);
  netdev.probe();
  link.host.unplug(2, 0);
  const { removed } = pciBus.rescan();
  assertEquals(removed.map(({ name }) => name), ["00:02.0"]);
  assertEquals([netdev.state, registry.count()], [NetdevState.INVALID, 0]);
  assertEquals([link.host.bars.size, link.host.lines.length], [0, 0]);
  link.host.plug(5, 0, link.pci);
  assertEquals(pciBus.rescan().arrived.map(({ name }) => name), ["00:05.0"]);
  const again = registry.get(1);
  again.probe();
  assertEquals(again.state, NetdevState.UNCONFIGURED);
});

Deno.test("a card whose slot is to be pulled is closed while it's still there, and owns nothing more", () => {
  const link = new VirtioPciLink();
  const { registry, pciBus } = probeBus(link);
  registry.get(0).probe();
  pciBus.removeSlot(2);
  assertEquals([registry.count(), link.host.bars.size], [0, 0]);
  assertEquals(link.model.statusRead(), 0);
  assertEquals(pciBus.probe().length, 1);
});
