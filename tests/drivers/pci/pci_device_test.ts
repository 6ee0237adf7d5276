import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PciDevice } from "../../../drivers/pci/pci_device.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";

const COMMAND = 0x04;
/** Command bits (PCI 3.0 §6.2.2). */
const DECODE = 0x0003;
const MASTER = 0x0004;
const INTX_OFF = 0x0400;

function makeDevice(barStart?: number): {
  readonly pci: FakePciFunction;
  readonly device: PciDevice;
  readonly host: FakePciHost;
} {
  const host = new FakePciHost(barStart);
  const pci = new FakePciFunction({
    vendorId: 0x8086,
    deviceId: 0x1229,
    classCode: 0x020001,
    revision: 8,
    subsystemVendorId: 0x1af4,
    subsystemId: 0x40,
  });
  pci.addBar(0, { byteLength: 0x1000 });
  pci.addBar(1, { byteLength: 64, io: true });
  pci.addBar(2, { byteLength: 0x2000, wide: true });
  host.plug(3, 0, pci);
  return { pci, host, device: new PciDevice(host, { bus: 0, device: 3, function: 0 }) };
}

Deno.test("a device knows what stands in its header", () => {
  const { device } = makeDevice();
  const { vendorId, deviceId, classCode, revision } = device;
  const { subsystemVendorId, subsystemId, name } = device;
  assertEquals([vendorId, deviceId, classCode, revision], [0x8086, 0x1229, 0x020001, 8]);
  assertEquals([subsystemVendorId, subsystemId, name], [0x1af4, 0x40, "00:03.0"]);
});

Deno.test("enable() places the BARs while nothing is decoded, and then decodes them", () => {
  // The function throws when a BAR is written while it decodes.
  const { pci, device } = makeDevice(0x1_0000_0000);
  pci.space.write(COMMAND, 2, 0x0147);
  device.enable();
  assertEquals(pci.space.read(COMMAND, 2), 0x0140 | DECODE);
  assertEquals(device.bar(2), {
    index: 2,
    space: "memory",
    byteLength: 0x2000,
    address: 0x1_0000_2000,
  });
  assertEquals(device.bar(1), { index: 1, space: "io", byteLength: 64, address: 0xc000 });
  assertEquals([pci.barAddress(1), pci.barAddress(2)], [0xc000, 0x1_0000_2000]);
});

Deno.test("enable() leaves INTx as it is, and places no BAR twice", () => {
  const { pci, device, host } = makeDevice();
  pci.space.write(COMMAND, 2, INTX_OFF);
  device.enable();
  device.enable();
  assertEquals(pci.space.read(COMMAND, 2), INTX_OFF | DECODE);
  assertEquals(host.bars.size, 3);
});

Deno.test("a BAR without a place leaves none of the others in use", () => {
  const { pci, device, host } = makeDevice();
  pci.addBar(4, { byteLength: 0x1000, mask: 0xffff_5000 });
  assertThrows(() => device.enable(), PciError);
  assertEquals(host.bars.size, 0);
});

Deno.test("it reaches memory by itself from setMaster() to clearMaster()", () => {
  const { pci, device } = makeDevice();
  device.enable();
  device.setMaster();
  assertEquals(pci.space.read(COMMAND, 2), DECODE | MASTER);
  device.clearMaster();
  assertEquals(pci.space.read(COMMAND, 2), DECODE);
});

Deno.test("release() takes memory and registers away, and gives the places of BARs back", () => {
  const { pci, device, host } = makeDevice();
  device.requestRegions("first");
  device.enable();
  device.setMaster();
  assert(host.bars.size > 0);
  device.release();
  assertEquals(pci.space.read(COMMAND, 2), INTX_OFF);
  assertEquals(host.bars.size, 0);
  device.requestRegions("second");
  device.release();
});

Deno.test("release() leaves a function alone that another driver has", () => {
  const { pci, device, host } = makeDevice();
  device.requestRegions("first");
  device.enable();
  device.setMaster();
  const other = new PciDevice(host, device.address);
  assertThrows(() => other.requestRegions("second"), PciError, "00:03.0 is busy: first has");
  other.release();
  assertEquals(pci.space.read(COMMAND, 2), DECODE | MASTER);
  assertThrows(() => other.requestRegions("second"), PciError, "busy");
});

Deno.test("a function is present as long as its vendor id isn't all ones", () => {
  const { pci, device } = makeDevice();
  assert(device.present);
  pci.space.write(0, 2, 0xffff);
  assert(!device.present);
});

Deno.test("a BAR that is not there, half of one, or not placed, is a PciError", () => {
  const { device } = makeDevice();
  assertThrows(() => device.bar(0), PciError, "00:03.0 has no BAR 0");
  device.enable();
  for (const index of [3, 4, 6, 255]) {
    assertThrows(() => device.bar(index), PciError, `no BAR ${index}`);
    assertThrows(() => device.mapBar(index), PciError);
  }
});

Deno.test("a BAR is mapped once, however often it's asked for", () => {
  const { pci, device } = makeDevice();
  device.enable();
  assertStrictEquals(device.mapBar(0), device.mapBar(0));
  assertStrictEquals(device.mapBar(1), pci.windows.get(1));
  assertStrictEquals(device.mapBar(2), pci.windows.get(2));
});

Deno.test("capabilities are walked once", () => {
  const { pci, device } = makeDevice();
  pci.addCapability(0x11, []);
  assertEquals(device.capabilities, [{ id: 0x11, offset: 0x40 }]);
  pci.space.bytes[0x41] = 0x40;
  assertEquals(device.capabilities.length, 1);
});
