import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PciDevice } from "../../../drivers/pci/pci_device.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";

const COMMAND = 0x04;
/** Memory decode, bus master, INTx off (PCI 3.0 §6.2.2). */
const ON = 0x0406;

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
  const { vendorId, deviceId, classCode, revision, subsystemId, name } = device;
  assertEquals([vendorId, deviceId, classCode, revision], [0x8086, 0x1229, 0x020001, 8]);
  assertEquals([subsystemId, name], [0x40, "00:03.0"]);
});

Deno.test("enable() places the BARs while nothing is decoded, and then decodes them", () => {
  // The function throws when a BAR is written while it decodes.
  const { pci, device } = makeDevice(0x1_0000_0000);
  pci.space.write(COMMAND, 2, 0x0146);
  device.enable();
  assertEquals(pci.space.read(COMMAND, 2), 0x0140 | ON);
  assertEquals(device.bar(2), { index: 2, byteLength: 0x2000, address: 0x1_0000_2000 });
  assertEquals(pci.barAddress(2), 0x1_0000_2000);
});

Deno.test("release() takes memory and registers away, and gives the places of BARs back", () => {
  const { pci, device, host } = makeDevice();
  device.enable();
  assert(host.bars.size > 0);
  device.release();
  assertEquals(pci.space.read(COMMAND, 2), ON & ~6);
  assertEquals(host.bars.size, 0);
  device.release();
});

Deno.test("a function is present as long as its vendor id isn't all ones", () => {
  const { pci, device } = makeDevice();
  assert(device.present);
  pci.space.write(0, 2, 0xffff);
  assert(!device.present);
});

Deno.test("a BAR that is not there, not memory, half of one, or not placed, is a PciError", () => {
  const { device } = makeDevice();
  assertThrows(() => device.bar(0), PciError, "00:03.0 has no memory BAR 0");
  device.enable();
  for (const index of [1, 3, 4, 6, 255]) {
    assertThrows(() => device.bar(index), PciError, `no memory BAR ${index}`);
    assertThrows(() => device.mapBar(index), PciError);
  }
});

Deno.test("a BAR is mapped once, however often it's asked for", () => {
  const { pci, device } = makeDevice();
  device.enable();
  assertStrictEquals(device.mapBar(0), device.mapBar(0));
  assertStrictEquals(device.mapBar(2), pci.windows.get(2));
});

Deno.test("capabilities are walked once", () => {
  const { pci, device } = makeDevice();
  pci.addCapability(0x11, []);
  assertEquals(device.capabilities, [{ id: 0x11, offset: 0x40 }]);
  pci.space.bytes[0x41] = 0x40;
  assertEquals(device.capabilities.length, 1);
});
