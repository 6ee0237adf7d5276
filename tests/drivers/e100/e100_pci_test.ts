import { assertEquals, assertThrows } from "@std/assert";
import { E100Error } from "../../../drivers/e100/e100_error.ts";
import { e100Driver } from "../../../drivers/e100/e100_pci.ts";
import { PciBus } from "../../../drivers/pci/pci_bus.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import { LowIovaRegion } from "../../device/low_iova_region.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

const OPTIONS = { clock: new FakeClock() };

function card(barBytes = 4096): FakePciFunction {
  const card = new FakePciFunction({ vendorId: 0x8086, deviceId: 0x1229, classCode: 0x02_0000 });
  card.addBar(0, { byteLength: barBytes });
  card.addBar(1, { byteLength: 64, io: true });
  card.addBar(2, { byteLength: 1 << 17 });
  return card;
}

function bus(plugged: FakePciFunction, region: IovaRegion = new LowIovaRegion(1 << 20)): {
  readonly host: FakePciHost;
  readonly bus: PciBus;
  readonly registry: NetdevRegistry;
} {
  const host = new FakePciHost(undefined, region);
  host.plug(2, 0, plugged);
  const registry = new NetdevRegistry();
  const bus = new PciBus(host);
  bus.registerDriver(e100Driver(registry, OPTIONS));
  return { host, bus, registry };
}

Deno.test("a card on the bus is claimed, enabled without mastering, and registered", () => {
  const plugged = card();
  const { host, bus: pci, registry } = bus(plugged);
  assertEquals(pci.probe().map(({ name }) => name), ["00:02.0"]);
  assertEquals([registry.count(), registry.get(0).driverName], [1, "e100"]);
  assertEquals([plugged.decodes, plugged.decodesPorts, host.bars.size], [true, true, 3]);
  assertEquals(plugged.space.read(4, 2) & 4, 0);
});

Deno.test("a card that is pulled leaves nothing behind", () => {
  const { host, bus: pci, registry } = bus(card());
  const free = host.dma.available;
  pci.probe();
  host.unplug(2, 0);
  assertEquals(pci.rescan().removed.length, 1);
  assertEquals([registry.count(), host.bars.size, host.dma.available], [0, 0, free]);
});

Deno.test("without the memory BAR the I/O ports will do", () => {
  const plugged = new FakePciFunction({ vendorId: 0x8086, deviceId: 0x1209, classCode: 0x02_0000 });
  plugged.addBar(1, { byteLength: 64, io: true });
  const { bus: pci, registry } = bus(plugged);
  pci.probe();
  assertEquals(registry.count(), 1);
});

Deno.test("a BAR too short for the registers is an error, and all is given back", () => {
  const { host, bus: pci, registry } = bus(card(16));
  assertThrows(() => pci.probe(), E100Error, "BAR 0 has 16 bytes, 20 are needed");
  assertEquals([registry.count(), host.bars.size], [0, 0]);
});

Deno.test("memory above 4 GiB is out of the card's reach: it's refused, and given back", () => {
  const { host, bus: pci } = bus(card(), new IovaRegion(1 << 20));
  const { code } = assertThrows(() => pci.probe(), NetdevError, "no memory above 4 GiB");
  assertEquals([code, host.bars.size], ["ENOTSUP", 0]);
});

Deno.test("another kind of device of the same maker is left alone", () => {
  const plugged = new FakePciFunction({ vendorId: 0x8086, deviceId: 0x1229, classCode: 0x01_0000 });
  const { bus: pci } = bus(plugged);
  assertEquals(pci.probe(), []);
});
