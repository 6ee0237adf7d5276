import { assertEquals, assertThrows } from "@std/assert";
import { PCI_ANY_ID, PciBus, type PciId } from "../../../drivers/pci/pci_bus.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";

const MULTI_FUNCTION = 0x80;

function plug(host: FakePciHost, slot: string, deviceId: number, headerType = 0): void {
  const [device, number] = slot.split(".").map(Number);
  const pci = new FakePciFunction({ vendorId: 0x1af4, deviceId, headerType });
  host.plug(device, number, pci);
}

/** A bus with three functions, and drivers that keep what they are handed. */
function makeBus(...tables: readonly (readonly PciId[])[]): {
  readonly bus: PciBus;
  readonly probed: string[];
} {
  const host = new FakePciHost();
  plug(host, "1.0", 0x1000);
  plug(host, "2.0", 0x1041);
  plug(host, "31.0", 0x1110);
  const bus = new PciBus(host);
  const probed: string[] = [];
  tables.forEach((ids, i) => {
    const name = `driver ${i}`;
    bus.registerDriver({ name, ids, probe: (device) => probed.push(`${device.name} ${name}`) });
  });
  return { bus, probed };
}

Deno.test("all functions of bus 0 are found, in order, slots 0 and 31 included", () => {
  const host = new FakePciHost();
  for (const slot of ["31.0", "0.0", "7.0"]) plug(host, slot, 1);
  assertEquals(new PciBus(host).scan().map(({ name }) => name), ["00:00.0", "00:07.0", "00:1f.0"]);
  assertEquals(new PciBus(new FakePciHost()).scan(), []);
});

Deno.test("functions 1 to 7 are looked for where function 0 says there are several", () => {
  const host = new FakePciHost();
  plug(host, "3.0", 1, MULTI_FUNCTION);
  plug(host, "3.2", 2);
  plug(host, "3.7", 3);
  plug(host, "4.0", 4);
  plug(host, "4.1", 5);
  plug(host, "5.1", 6);
  const found = new PciBus(host).scan().map(({ name, deviceId }) => `${name} ${deviceId}`);
  assertEquals(found, ["00:03.0 1", "00:03.2 2", "00:03.7 3", "00:04.0 4"]);
});

Deno.test("a function goes to the driver whose table has both of its ids", () => {
  const { bus, probed } = makeBus([
    { vendorId: 0x1af4, deviceId: 0x1041 },
    { vendorId: 0x8086, deviceId: 0x1110 },
    { vendorId: 0x8086, deviceId: 0x1000 },
  ]);
  assertEquals(bus.probe().map(({ name }) => name), ["00:02.0"]);
  assertEquals(probed, ["00:02.0 driver 0"]);
});

Deno.test("PCI_ANY_ID stands for every vendor, and for every device", () => {
  const vendor = makeBus([{ vendorId: PCI_ANY_ID, deviceId: 0x1110 }]);
  vendor.bus.probe();
  assertEquals(vendor.probed, ["00:1f.0 driver 0"]);
  const device = makeBus([{ vendorId: 0x1af4, deviceId: PCI_ANY_ID }]);
  device.bus.probe();
  assertEquals(device.probed.length, 3);
  const other = makeBus([{ vendorId: 0x8086, deviceId: PCI_ANY_ID }]);
  assertEquals(other.bus.probe(), []);
});

Deno.test("of several drivers the one that was registered first has the function", () => {
  const { bus, probed } = makeBus(
    [{ vendorId: 0x1af4, deviceId: 0x1041 }],
    [{ vendorId: PCI_ANY_ID, deviceId: PCI_ANY_ID }],
    [{ vendorId: 0x1af4, deviceId: 0x1000 }],
  );
  assertEquals(bus.probe().length, 3);
  assertEquals(probed, ["00:01.0 driver 1", "00:02.0 driver 0", "00:1f.0 driver 1"]);
});

Deno.test("what a driver throws reaches the caller", () => {
  const { bus } = makeBus();
  const reason = new Error("it smokes");
  bus.registerDriver({
    name: "careful",
    ids: [{ vendorId: 0x1af4, deviceId: 0x1041 }],
    probe: () => {
      throw reason;
    },
  });
  assertEquals(assertThrows(() => bus.probe()), reason);
});
