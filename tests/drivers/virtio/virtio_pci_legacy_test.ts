import { assert, assertEquals, assertThrows } from "@std/assert";
import { PciBus } from "../../../drivers/pci/pci_bus.ts";
import { PciDevice } from "../../../drivers/pci/pci_device.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { VirtioBus } from "../../../drivers/virtio/virtio_bus.ts";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import { virtioNetDriver } from "../../../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../../../drivers/virtio/virtio_pci.ts";
import { VirtioPciLegacy } from "../../../drivers/virtio/virtio_pci_legacy.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import {
  NET_FEATURES,
  VIRTIO_NET_F_MRG_RXBUF,
  VirtioNetModel,
} from "../../device/virtio_net_model.ts";
import { VirtioPciLegacyFunction } from "../../device/virtio_pci_legacy_function.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { packetBytes } from "../../netdev/packets.ts";
import { frame } from "./net_link.ts";

const ANY_LAYOUT = 1n << 27n;
/** What a legacy card offers; with MRG_RXBUF its header is as long as a modern one's. */
const LEGACY = NET_FEATURES & ~VIRTIO_F_VERSION_1 | ANY_LAYOUT | VIRTIO_NET_F_MRG_RXBUF;

/** A legacy network card on a PCI bus, at 00:02.0. */
class LegacyLink {
  readonly model: VirtioNetModel;
  readonly host: FakePciHost;
  readonly pci: VirtioPciLegacyFunction;

  constructor(options: { features?: bigint; byteLength?: number; io?: boolean } = {}) {
    this.model = new VirtioNetModel({ features: options.features ?? LEGACY });
    this.host = new FakePciHost(undefined, this.model.region);
    const { byteLength, io } = options;
    this.pci = new VirtioPciLegacyFunction(this.host, this.model, byteLength, io);
    this.host.plug(2, 0, this.pci);
  }

  transport(): VirtioPciLegacy {
    return new VirtioPciLegacy(new PciDevice(this.host, { bus: 0, device: 2, function: 0 }));
  }

  probe(): { registry: NetdevRegistry; bus: PciBus } {
    const registry = new NetdevRegistry();
    const virtioBus = new VirtioBus(new FakeClock(0, 1));
    virtioBus.registerDriver(virtioNetDriver(registry));
    const bus = new PciBus(this.host);
    bus.registerDriver(virtioPciDriver(virtioBus));
    bus.probe();
    return { registry, bus };
  }

  accesses(action: () => void): string[] {
    const { accesses } = this.pci.window;
    const before = accesses.length;
    action();
    return accesses.slice(before);
  }
}

Deno.test("a legacy card is known by its subsystem id, and has no features above bit 31", () => {
  const link = new LegacyLink({ features: LEGACY | 1n << 40n });
  const transport = link.transport();
  assertEquals([transport.deviceType, transport.legacy, transport.kind], [
    1,
    true,
    "virtio-pci legacy",
  ]);
  const accesses = link.accesses(() => assertEquals(transport.deviceFeatures(), LEGACY));
  assertEquals(accesses, ["read32 0x0"]);
  const writes = link.accesses(() => transport.driverFeaturesWrite(ANY_LAYOUT));
  assertEquals(writes, ["write32 0x4 0x8000000"]);
  assertEquals(link.accesses(() => transport.statusWrite(1)), ["write8 0x12 0x1"]);
  assertEquals(link.accesses(() => transport.statusRead()), ["read8 0x12"]);
});

Deno.test("queues are counted by asking for one after the other", () => {
  const link = new LegacyLink();
  const transport = link.transport();
  const accesses = link.accesses(() => assertEquals(transport.queueCount, 2));
  assertEquals(accesses.length, 6);
  assertEquals(link.accesses(() => transport.queueCount), []);
});

Deno.test("a ring is told by its page, and lies as the device works it out from there", () => {
  const link = new LegacyLink();
  const transport = link.transport();
  const { addresses } = new SplitVirtqueue(transport.dma, 8, false, transport);
  const accesses = link.accesses(() => transport.queueEnable(1, addresses));
  const page = addresses.descriptorArea / 4096;
  assert(Number.isInteger(page));
  assertEquals(accesses, [
    "write16 0xe 0x1",
    "read16 0xc",
    "read32 0x8",
    `write32 0x8 0x${page.toString(16)}`,
  ]);
  assertEquals(addresses.driverArea, addresses.descriptorArea + 128);
  assertEquals(addresses.deviceArea, addresses.descriptorArea + 4096);
});

Deno.test("a ring of another size, on no page, or of a queue in use is a VirtioError", () => {
  const link = new LegacyLink();
  const transport = link.transport();
  const { addresses } = new SplitVirtqueue(transport.dma, 8, false, transport);
  assertThrows(() => transport.queueEnable(0, { ...addresses, size: 4 }), VirtioError, "8 entries");
  const beside = { ...addresses, descriptorArea: addresses.descriptorArea + 64 };
  assertThrows(() => transport.queueEnable(0, beside), VirtioError, "no page number");
  const beyond = { ...addresses, descriptorArea: 2 ** 44 };
  assertThrows(() => transport.queueEnable(0, beyond), VirtioError, "no page number");
  transport.queueEnable(0, addresses);
  assertThrows(() => transport.queueEnable(0, addresses), VirtioError, "in use already");
});

Deno.test("configuration moves by 4 bytes while MSI-X is on", () => {
  const link = new LegacyLink();
  const transport = link.transport();
  assertEquals(transport.configLength, 64 - 20);
  assertEquals(link.accesses(() => transport.configRead(10, 2)), ["read16 0x1e"]);
  transport.interruptsConnect(() => {}, [() => {}, null]);
  assertEquals(transport.configLength, 64 - 24);
  assertEquals(link.accesses(() => transport.configRead(10, 2)), ["read16 0x22"]);
  assertThrows(() => transport.configRead(39, 2), VirtioError, "no configuration");
});

Deno.test("on its pin configuration stays where it was, and reading the status clears it", async () => {
  const link = new LegacyLink();
  link.host.msixVectors = 0;
  const heard: string[] = [];
  const transport = link.transport();
  transport.interruptsConnect(() => heard.push("config"), [() => heard.push("receive"), null]);
  assertEquals([transport.interruptMode, transport.configLength], ["intx", 64 - 20]);
  assertEquals(link.accesses(() => assert(link.pci.pin(3))), ["read8 0x13"]);
  await Promise.resolve();
  assertEquals(heard, ["receive", "config"]);
  assert(!link.pci.pin(0));
});

Deno.test("ports that are few, or none, are a VirtioError", () => {
  for (const options of [{ byteLength: 16 }, { io: false }]) {
    assertThrows(() => new LegacyLink(options).transport(), VirtioError, "neither");
  }
});

Deno.test("from the bus to packets both ways over the legacy interface, and again after a reset", () => {
  const link = new LegacyLink({ features: LEGACY | VIRTIO_F_EVENT_IDX });
  const { registry, bus } = link.probe();
  const netdev = registry.get(0);
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals(netdev.rxqInfoGet(0).minDescriptors, 8, "the device's size is the only one");
  const pool = netdev.poolCreate({ count: 32 });
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  for (let round = 1; round <= 2; round++) {
    netdev.start();
    assertEquals(link.model.accepted & (ANY_LAYOUT | VIRTIO_F_VERSION_1), ANY_LAYOUT);
    link.model.receive(frame(60, round));
    const netbufs: Netbuf[] = [];
    assertEquals(netdev.rxBurst(0, netbufs, 8), 1);
    assertEquals(packetBytes(netbufs[0]), [...frame(60, round)]);
    netdev.txBurst(0, netbufs, 0, 1);
    assertEquals(link.model.transmit().map((sent) => sent.frame), [[...frame(60, round)]]);
    netdev.stop();
  }
  // Without FEATURES_OK (§3.1.2).
  const statuses = link.model.calls.filter((call) => call.startsWith("status"));
  assertEquals(statuses.includes("status 11"), false);
  assertEquals(statuses.includes("status 7"), true);
  bus.removeSlot(2);
  assertEquals([pool.available, link.host.bars.size, link.host.doorbells.size], [32, 0, 0]);
});

Deno.test("a legacy card that can't have header and frame in one buffer is ENOTSUP", () => {
  const link = new LegacyLink({ features: LEGACY & ~ANY_LAYOUT });
  const netdev = link.probe().registry.get(0);
  const error = assertThrows(() => netdev.probe(), NetdevError, "VIRTIO_F_ANY_LAYOUT is needed");
  assertEquals(error.code, "ENOTSUP");
});

Deno.test("a MAC address that changes while it's read is read until it's twice the same", () => {
  const link = new LegacyLink();
  const netdev = link.probe().registry.get(0);
  let reads = 0;
  link.model.script = {
    onConfigRead: (offset) => {
      if (offset !== 3) return;
      reads++;
      if (reads <= 2) link.model.config[0] = link.model.config[5] = 0x60 + reads;
    },
  };
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals(
    [...netdev.hwaddrGet()].map((byte) => byte.toString(16)).join(":"),
    "62:54:0:ab:cd:62",
  );
  // Torn, then whole, then the same again.
  assert(reads >= 3, `${reads} reads`);
});

Deno.test("a MAC address that is never twice the same is given up", () => {
  const link = new LegacyLink();
  const netdev = link.probe().registry.get(0);
  let reads = 0;
  link.model.script = { onConfigRead: () => link.model.config[1] = reads++ & 0xff };
  assertThrows(() => netdev.probe(), VirtioError, "never stays the same");
});
