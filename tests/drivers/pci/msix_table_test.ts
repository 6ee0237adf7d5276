import { assertEquals, assertThrows } from "@std/assert";
import { MsixTable } from "../../../drivers/pci/msix_table.ts";
import { PciDevice } from "../../../drivers/pci/pci_device.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";
import { Memory, type Registers } from "../../device/recorded_window.ts";

const CAP_ID_MSIX = 0x11;
const CONTROL = 2;
const COMMAND = 0x04;
const INTX_OFF = 0x0400;
const ENABLE = 0x8000;

/** A function with `vectors` table entries at `offset` of BAR 1. */
function makeDevice(vectors: number, offset: number, registers?: Registers): {
  readonly pci: FakePciFunction;
  readonly device: PciDevice;
  readonly capability: number;
} {
  const host = new FakePciHost();
  const pci = new FakePciFunction({ vendorId: 1, deviceId: 2 });
  pci.addBar(1, { byteLength: 0x1000, ...registers === undefined ? {} : { registers } });
  const location = offset | 1;
  const capability = pci.addCapability(CAP_ID_MSIX, [
    vectors - 1 & 0xff,
    vectors - 1 >>> 8,
    location & 0xff,
    location >>> 8 & 0xff,
    location >>> 16 & 0xff,
    location >>> 24,
    0,
    0,
    0,
    0,
  ]);
  pci.writable.add(capability + CONTROL).add(capability + CONTROL + 1);
  host.plug(2, 0, pci);
  const device = new PciDevice(host, { bus: 0, device: 2, function: 0 });
  device.enable();
  return { pci, device, capability };
}

Deno.test("the size is one more than the field says, of which 11 bits count", () => {
  assertEquals(new MsixTable(makeDevice(1, 0).device).size, 1);
  const { pci, device, capability } = makeDevice(4, 0);
  pci.space.write(capability + CONTROL, 2, 0xf803);
  assertEquals(new MsixTable(device).size, 4);
});

Deno.test("an entry is four 32-bit writes, at its place in the BAR, unmasked last", () => {
  const { pci, device } = makeDevice(8, 0x800);
  new MsixTable(device).set(3, 0xfee0_000c, 0x1_0003);
  const writes = pci.windows.get(1)?.accesses.filter((access) => access.startsWith("write"));
  assertEquals(writes, [
    "write32 0x830 0xfee0000c",
    "write32 0x834 0x0",
    "write32 0x838 0x10003",
    "write32 0x83c 0x0",
  ]);
});

Deno.test("an address above 4 GiB has an upper half", () => {
  const { pci, device } = makeDevice(2, 0);
  new MsixTable(device).set(0, 0x12_8000_3004, 0xffff_ffff);
  const window = pci.windows.get(1);
  assertEquals([0, 4, 8, 12].map((offset) => window?.read32(offset)), [
    0x8000_3004,
    0x12,
    0xffff_ffff,
    0,
  ]);
});

Deno.test("an entry that reads back otherwise is a PciError that names the vector", () => {
  for (const stuck of [0, 4, 8]) {
    const memory = new Memory(0x1000);
    const registers: Registers = {
      read: (offset, width) => memory.read(offset, width),
      write: (offset, width, value) => {
        if (offset !== 16 + stuck) memory.write(offset, width, value);
      },
    };
    const table = new MsixTable(makeDevice(2, 0, registers).device);
    table.set(0, 0x1_fee0_0000, 1);
    const error = assertThrows(() => table.set(1, 0x1_fee0_0000, 1), PciError);
    assertEquals(error.message, "00:02.0 did not take MSI-X vector 1");
  }
});

Deno.test("a vector that the table doesn't have is refused", () => {
  const { pci, device } = makeDevice(2, 0);
  const table = new MsixTable(device);
  for (const vector of [2, 3, -1, 255]) assertThrows(() => table.set(vector, 0, 0));
  assertEquals(pci.windows.get(1)?.accesses, []);
});

Deno.test("enable() takes the mask off the function as a whole", () => {
  const { pci, device, capability } = makeDevice(2, 0);
  pci.space.write(capability + CONTROL, 2, 1 | 1 << 14);
  new MsixTable(device).enable();
  assertEquals(pci.space.read(capability + CONTROL, 2), 1 | ENABLE);
});

Deno.test("a function that sends messages doesn't interrupt on its pin", () => {
  const { pci, device } = makeDevice(2, 0);
  assertEquals(pci.space.read(COMMAND, 2) & INTX_OFF, 0);
  new MsixTable(device).enable();
  assertEquals(pci.space.read(COMMAND, 2) & INTX_OFF, INTX_OFF);
});

Deno.test("enable() sets its bit and keeps the others", () => {
  const { pci, device, capability } = makeDevice(2, 0);
  const table = new MsixTable(device);
  assertEquals(pci.space.read(capability + CONTROL, 2), 1);
  table.enable();
  assertEquals(pci.space.read(capability + CONTROL, 2), 1 | ENABLE);
});

Deno.test("a function without MSI-X is a PciError", () => {
  const host = new FakePciHost();
  host.plug(2, 0, new FakePciFunction({ vendorId: 1, deviceId: 2 }));
  const device = new PciDevice(host, { bus: 0, device: 2, function: 0 });
  assertThrows(() => new MsixTable(device), PciError, "00:02.0 has no MSI-X capability");
});

Deno.test("a table that reaches beyond its BAR is a PciError", () => {
  for (const [vectors, offset] of [[257, 0], [2, 0xff0], [1, 0x1000], [1, 0xffff_fff8]]) {
    const { device } = makeDevice(vectors, offset);
    assertThrows(() => new MsixTable(device), PciError, "MSI-X table");
  }
  assertEquals(new MsixTable(makeDevice(256, 0).device).size, 256);
});

Deno.test("a table in a BAR that isn't there is a PciError", () => {
  const { pci, device, capability } = makeDevice(2, 0);
  for (const bar of [0, 2, 6, 7]) {
    pci.space.write(capability + 4, 4, bar);
    assertThrows(() => new MsixTable(device), PciError, `no BAR ${bar}`);
  }
});
