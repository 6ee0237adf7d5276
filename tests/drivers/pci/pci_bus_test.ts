import { assertEquals, assertThrows } from "@std/assert";
import { PCI_ANY_ID, PciBus, type PciDriver, type PciId } from "../../../drivers/pci/pci_bus.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { type FakeIds, FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";

const MULTI_FUNCTION = 0x80;

function plug(host: FakePciHost, slot: string, deviceId: number, headerType = 0): void {
  const [device, number] = slot.split(".").map(Number);
  const pci = new FakePciFunction({ vendorId: 0x1af4, deviceId, headerType });
  host.plug(device, number, pci);
}

/** A row of an id table whose data does not matter. */
type Row = Omit<PciId<null>, "driverData">;

/** A driver that writes down what it's handed, and what it lets go of. */
function recordingDriver(name: string, rows: readonly Row[], calls: string[]): PciDriver<null> {
  return {
    name,
    ids: rows.map((row) => ({ ...row, driverData: null })),
    probe: (device) => calls.push(`${device.name} ${name}`),
    remove: (device) => calls.push(`${device.name} leaves ${name}`),
  };
}

/** A bus with three functions, and drivers that keep what they are handed. */
function makeBus(...tables: readonly (readonly Row[])[]): {
  readonly bus: PciBus;
  readonly host: FakePciHost;
  readonly probed: string[];
} {
  const host = new FakePciHost();
  plug(host, "1.0", 0x1000);
  plug(host, "2.0", 0x1041);
  plug(host, "31.0", 0x1110);
  const bus = new PciBus(host);
  const probed: string[] = [];
  tables.forEach((ids, i) => {
    bus.registerDriver(recordingDriver(`driver ${i}`, ids, probed));
  });
  return { bus, host, probed };
}

Deno.test("all functions of bus 0 are found, in order, slots 0 and 31 included", () => {
  const host = new FakePciHost();
  for (const slot of ["31.0", "0.0", "7.0"]) plug(host, slot, 1);
  assertEquals(new PciBus(host).scan().map(({ name }) => name), ["00:00.0", "00:07.0", "00:1f.0"]);
  assertEquals(new PciBus(new FakePciHost()).scan(), []);
});

Deno.test("a host that knows its functions is asked for them, on whatever bus they are", () => {
  const host = new FakePciHost();
  plug(host, "7.0", 1);
  plug(host, "9.1", 2);
  host.known = [{ bus: 0, device: 9, function: 1 }];
  const [device, ...others] = new PciBus(host).scan();
  assertEquals([device.name, device.deviceId, others.length], ["00:09.1", 2, 0]);
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
    ids: [{ vendorId: 0x1af4, deviceId: 0x1041, driverData: null }],
    probe: () => {
      throw reason;
    },
    remove: () => {},
  });
  assertEquals(assertThrows(() => bus.probe()), reason);
});

/** Whether a row matches a network card (class 0x020000) of vendor 0x8086 with these ids. */
function matchesCard(row: Omit<Row, "vendorId" | "deviceId">, ids: Partial<FakeIds> = {}): boolean {
  const host = new FakePciHost();
  const card = { vendorId: 0x8086, deviceId: 0x1229, classCode: 0x020000, ...ids };
  host.plug(3, 0, new FakePciFunction(card));
  const bus = new PciBus(host);
  const any = { vendorId: PCI_ANY_ID, deviceId: PCI_ANY_ID };
  bus.registerDriver(recordingDriver("driver", [{ ...any, ...row }], []));
  return bus.probe().length === 1;
}

Deno.test("the card's maker and model count where a row names them", () => {
  const ids = { subsystemVendorId: 0x1af4, subsystemId: 0x1100 };
  assertEquals(matchesCard({ subvendorId: 0x1af4, subdeviceId: 0x1100 }, ids), true);
  assertEquals(matchesCard({ subvendorId: PCI_ANY_ID, subdeviceId: 0x1100 }, ids), true);
  assertEquals(matchesCard({ subvendorId: 0x8086 }, ids), false);
  assertEquals(matchesCard({ subdeviceId: 0x1101 }, ids), false);
});

Deno.test("a class counts in the bits of its mask, and in all 24 without one", () => {
  assertEquals(matchesCard({ classCode: 0x020000 }), true);
  assertEquals(matchesCard({ classCode: 0x020001 }), false);
  assertEquals(matchesCard({ classCode: 0x02ffff, classMask: 0xff0000 }), true);
  assertEquals(matchesCard({ classCode: 0x030000, classMask: 0xff0000 }), false);
  assertEquals(matchesCard({ classMask: 0xff0000 }), true);
});

Deno.test("the row that matched comes with its data, the first of several", () => {
  const host = new FakePciHost();
  plug(host, "1.0", 0x1229);
  plug(host, "2.0", 0x1209);
  const data: string[] = [];
  const bus = new PciBus(host);
  const driver: PciDriver<{ readonly chip: string }> = {
    name: "driver",
    ids: [
      { vendorId: 0x1af4, deviceId: 0x1209, driverData: { chip: "559" } },
      { vendorId: 0x1af4, deviceId: PCI_ANY_ID, driverData: { chip: "any" } },
    ],
    probe: (device, { driverData }) => data.push(`${device.name} ${driverData.chip}`),
    remove: () => {},
  };
  bus.registerDriver(driver);
  bus.probe();
  assertEquals(data, ["00:01.0 any", "00:02.0 559"]);
});

const NET = { vendorId: 0x1af4, deviceId: 0x1041 };

Deno.test("a function that has a driver is not handed out again", () => {
  const { bus, probed } = makeBus([NET]);
  assertEquals([bus.probe().length, bus.probe().length], [1, 0]);
  assertEquals(bus.rescan(), { arrived: [], removed: [], unwanted: [] });
  assertEquals(probed, ["00:02.0 driver 0"]);
});

Deno.test("rescan() has drivers let go of what is gone, and take up what has come", () => {
  const { bus, host, probed } = makeBus([NET]);
  bus.probe();
  host.unplug(2, 0);
  plug(host, "9.0", 0x1041);
  plug(host, "10.0", 0x1229);
  const { arrived, removed } = bus.rescan();
  assertEquals([arrived, removed].map((list) => list.map(({ name }) => name)), [
    ["00:09.0"],
    ["00:02.0"],
  ]);
  assertEquals(probed.slice(1), ["00:02.0 leaves driver 0", "00:09.0 driver 0"]);
  plug(host, "2.0", 0x1041);
  assertEquals(bus.rescan().arrived.map(({ name }) => name), ["00:02.0"]);
});

Deno.test("rescan() takes a function that was exchanged for another as gone", () => {
  const { bus, host, probed } = makeBus([NET], [{ vendorId: 0x1af4, deviceId: 0x1229 }]);
  bus.probe();
  plug(host, "2.0", 0x1229);
  bus.rescan();
  assertEquals(probed.slice(1), ["00:02.0 leaves driver 0", "00:02.0 driver 1"]);
});

Deno.test("rescan() tells once of what has come that no driver wants", () => {
  const { bus, host } = makeBus([NET]);
  const unwanted = (): string[] =>
    bus.rescan().unwanted.map(({ name, deviceId }) => `${name} ${deviceId.toString(16)}`);
  bus.probe();
  assertEquals(unwanted(), [], "what was there at first has been looked at");
  plug(host, "9.0", 0x1229);
  plug(host, "10.0", 0x1041);
  assertEquals([unwanted(), unwanted()], [["00:09.0 1229"], []]);
  plug(host, "9.0", 0x1209);
  assertEquals([unwanted(), unwanted()], [["00:09.0 1209"], []], "another in its place");
  bus.removeSlot(9);
  assertEquals([unwanted(), unwanted()], [["00:09.0 1209"], []], "the same kind, put in again");
  host.unplug(9, 0);
  assertEquals(unwanted(), []);
});

Deno.test("what no driver wants is told of at the next look, when another one failed at this one", () => {
  const { bus, host } = makeBus([NET]);
  bus.probe();
  let smokes = true;
  bus.registerDriver({
    name: "careful",
    ids: [{ vendorId: 0x1af4, deviceId: 0x1209, driverData: null }],
    probe: () => {
      if (smokes) throw new Error("it smokes");
    },
    remove: () => {},
  });
  plug(host, "9.0", 0x1229);
  plug(host, "10.0", 0x1209);
  assertThrows(() => bus.rescan(), Error, "it smokes");
  smokes = false;
  const { arrived, unwanted } = bus.rescan();
  assertEquals([arrived, unwanted].map((list) => list.map(({ name }) => name)), [
    ["00:0a.0"],
    ["00:09.0"],
  ]);
});

Deno.test("removeSlot() has drivers let go of all functions of the slot, and of no other", () => {
  const { bus, host, probed } = makeBus([{ vendorId: 0x1af4, deviceId: PCI_ANY_ID }]);
  plug(host, "4.0", 1, MULTI_FUNCTION);
  plug(host, "4.3", 2);
  bus.probe();
  assertEquals(bus.removeSlot(4).map(({ name }) => name), ["00:04.0", "00:04.3"]);
  assertEquals(probed.slice(-2), ["00:04.0 leaves driver 0", "00:04.3 leaves driver 0"]);
  assertEquals(bus.removeSlot(4), []);
});

Deno.test("a driver that fails to let go keeps no other from it", () => {
  const { bus, host } = makeBus();
  plug(host, "4.0", 1, MULTI_FUNCTION);
  plug(host, "4.1", 1);
  let removed = 0;
  bus.registerDriver({
    name: "clumsy",
    ids: [{ vendorId: 0x1af4, deviceId: 1, driverData: null }],
    probe: () => {},
    remove: (device) => {
      removed++;
      throw new Error(`${device.name} sticks`);
    },
  });
  bus.probe();
  assertThrows(() => bus.removeSlot(4), Error, "00:04.0 sticks");
  assertEquals(removed, 2);
  assertEquals(bus.removeSlot(4), []);
});

Deno.test("one driver drives several functions, and claims each", () => {
  const host = new FakePciHost();
  for (const slot of ["2.0", "3.0"]) plug(host, slot, 0x1229);
  const bus = new PciBus(host);
  bus.registerDriver({
    ...recordingDriver("driver", [{ vendorId: 0x1af4, deviceId: 0x1229 }], []),
    probe: (device) => device.requestRegions("driver"),
  });
  const [first] = bus.probe();
  const [again, other] = bus.scan();
  const busy = "00:02.0 is busy: driver has its registers, second can't";
  assertThrows(() => again.requestRegions("second"), PciError, busy);
  first.releaseRegions();
  again.requestRegions("second");
  assertThrows(() => other.requestRegions("second"), PciError, "00:03.0 is busy");
});
