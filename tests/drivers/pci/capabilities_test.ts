import { assertEquals, assertThrows } from "@std/assert";
import type { ConfigSpace } from "../../../drivers/pci/base_address.ts";
import { readCapabilities } from "../../../drivers/pci/capabilities.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";

function makeFunction(): FakePciFunction {
  return new FakePciFunction({ vendorId: 0x1234, deviceId: 0x5678 });
}

/** Configuration space that counts its reads. */
function spaceOf({ space }: FakePciFunction): ConfigSpace & { reads: number } {
  return {
    reads: 0,
    read(offset, width): number {
      this.reads++;
      return space.read(offset, width);
    },
    write(): void {
      throw new Error("capabilities are only read");
    },
  };
}

Deno.test("the list comes in the order of its links", () => {
  const pci = makeFunction();
  pci.addCapability(0x01, [1, 2, 3]);
  pci.addCapability(0x11, new Array(10).fill(0));
  pci.addCapability(0x09, []);
  assertEquals(readCapabilities(spaceOf(pci)), [
    { id: 0x01, offset: 0x40 },
    { id: 0x11, offset: 0x48 },
    { id: 0x09, offset: 0x54 },
  ]);
});

Deno.test("a list may go backwards", () => {
  const pci = makeFunction();
  pci.addCapability(0x01, []);
  pci.space.bytes.set([0x98], 0x34);
  pci.space.bytes.set([0x11, 0x40], 0x98);
  assertEquals(readCapabilities(spaceOf(pci)).map(({ id }) => id), [0x11, 0x01]);
});

Deno.test("without the status bit there is no list, wherever the pointer leads", () => {
  const pci = makeFunction();
  pci.addCapability(0x01, []);
  pci.space.write(0x06, 2, 0xffef);
  const space = spaceOf(pci);
  assertEquals(readCapabilities(space), []);
  assertEquals(space.reads, 1);
});

Deno.test("an empty list is one", () => {
  const pci = makeFunction();
  pci.space.write(0x06, 2, 0x10);
  assertEquals(readCapabilities(spaceOf(pci)), []);
});

Deno.test("the two low bits of a pointer are masked, the end of the list included", () => {
  const pci = makeFunction();
  pci.addCapability(0x05, []);
  pci.addCapability(0x11, []);
  pci.space.bytes[0x34] |= 3;
  pci.space.bytes[0x41] |= 2;
  pci.space.bytes[0x45] = 3;
  assertEquals(readCapabilities(spaceOf(pci)), [
    { id: 0x05, offset: 0x40 },
    { id: 0x11, offset: 0x44 },
  ]);
});

Deno.test("a pointer into the header is a PciError", () => {
  for (const pointer of [0x04, 0x34, 0x3c, 0x3f]) {
    const first = makeFunction();
    first.addCapability(0x01, []);
    first.space.bytes[0x34] = pointer;
    assertThrows(() => readCapabilities(spaceOf(first)), PciError, "into the header");
    const later = makeFunction();
    later.addCapability(0x01, []);
    later.space.bytes[0x41] = pointer;
    assertThrows(() => readCapabilities(spaceOf(later)), PciError, "into the header");
  }
});

Deno.test("a list that runs in a circle is a PciError, in bounded time", () => {
  for (const links of [[[0x40, 0x40]], [[0x40, 0x80], [0x80, 0xc0], [0xc0, 0x80]]]) {
    const pci = makeFunction();
    pci.addCapability(0x01, []);
    for (const [at, next] of links) pci.space.bytes[at + 1] = next;
    const space = spaceOf(pci);
    assertThrows(() => readCapabilities(space), PciError, "circle");
    assertEquals(space.reads < 200, true);
  }
});

Deno.test("as many capabilities as there is room for are a list", () => {
  const pci = makeFunction();
  for (let i = 0; i < 48; i++) pci.addCapability(0x09, []);
  const capabilities = readCapabilities(spaceOf(pci));
  assertEquals([capabilities.length, capabilities[47].offset], [48, 0xfc]);
});

Deno.test("a function that has gone, all ones, is a PciError", () => {
  const pci = makeFunction();
  pci.space.bytes.fill(0xff);
  assertThrows(() => readCapabilities(spaceOf(pci)), PciError);
});
