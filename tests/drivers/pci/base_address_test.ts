import { assertEquals, assertThrows } from "@std/assert";
import { type Bar, type ConfigSpace, placeBars } from "../../../drivers/pci/base_address.ts";
import { PciError } from "../../../drivers/pci/pci_error.ts";
import { FakePciFunction } from "../../device/fake_pci_function.ts";

const PORT_START = 0xc000;

/** Places the BARs of a function one behind the other from `start`. */
function place(pci: FakePciFunction, start = 0xe000_0000): Bar[] {
  const config: ConfigSpace = {
    read: (offset, width) => pci.space.read(offset, width),
    write: (offset, width, value) => pci.write(offset, width, value),
  };
  const next = { memory: start, io: PORT_START };
  const bars: Bar[] = [];
  placeBars(config, (byteLength, space) => {
    const address = Math.ceil(next[space] / byteLength) * byteLength;
    next[space] = address + byteLength;
    return address;
  }, bars);
  return bars;
}

function makeFunction(): FakePciFunction {
  return new FakePciFunction({ vendorId: 1, deviceId: 2 });
}

Deno.test("a 32-bit BAR is sized and placed", () => {
  for (const byteLength of [16, 4096, 0x10_0000, 0x8000_0000]) {
    const pci = makeFunction();
    pci.addBar(0, { byteLength });
    const [bar] = place(pci, 0x4000_0000);
    assertEquals([bar.index, bar.byteLength], [0, byteLength]);
    assertEquals(pci.barAddress(0), bar.address);
    assertEquals(bar.address % byteLength, 0);
  }
});

Deno.test("a 64-bit BAR takes two registers, and an address above 4 GiB in both", () => {
  const pci = makeFunction();
  pci.addBar(1, { byteLength: 0x4000, wide: true });
  pci.addBar(3, { byteLength: 0x1000 });
  const bars = place(pci, 0x12_3000_0000);
  assertEquals(bars.map(({ index, byteLength }) => [index, byteLength]), [
    [1, 0x4000],
    [3, 0x1000],
  ]);
  assertEquals(pci.barAddress(1), 0x12_3000_0000);
});

Deno.test("the upper half of a 64-bit BAR below 4 GiB is cleared", () => {
  const pci = makeFunction();
  pci.addBar(4, { byteLength: 0x4000, wide: true });
  pci.space.write(0x24, 4, 0xdead_beef);
  place(pci);
  assertEquals(pci.barAddress(4), 0xe000_0000);
});

Deno.test("memory and I/O BARs are placed in a space each, and registers without a BAR left out", () => {
  const pci = makeFunction();
  pci.addBar(0, { byteLength: 32, io: true });
  pci.addBar(2, { byteLength: 4, io: true });
  pci.addBar(5, { byteLength: 0x1000 });
  pci.space.write(0x10, 4, 0xff01);
  assertEquals(place(pci), [
    { index: 0, space: "io", byteLength: 32, address: 0xc000 },
    { index: 2, space: "io", byteLength: 4, address: 0xc020 },
    { index: 5, space: "memory", byteLength: 0x1000, address: 0xe000_0000 },
  ]);
  assertEquals([0x10, 0x18].map((offset) => pci.space.read(offset, 4)), [0xc001, 0xc021]);
  assertEquals(place(makeFunction()), []);
});

Deno.test("an I/O BAR may decode 16 bits alone, and keeps its length", () => {
  const pci = makeFunction();
  pci.addBar(1, { byteLength: 64, io: true, mask: 0xffc0 });
  assertEquals(place(pci), [{ index: 1, space: "io", byteLength: 64, address: 0xc000 }]);
});

Deno.test("a BAR without a place leaves those before it in the list", () => {
  const pci = makeFunction();
  pci.addBar(0, { byteLength: 0x1000 });
  pci.addBar(1, { byteLength: 64, io: true });
  const config: ConfigSpace = {
    read: (offset, width) => pci.space.read(offset, width),
    write: (offset, width, value) => pci.write(offset, width, value),
  };
  const bars: Bar[] = [];
  assertThrows(
    () => {
      placeBars(config, (_, space) => {
        if (space === "io") throw new Error("no room");
        return 0xe000_0000;
      }, bars);
    },
    Error,
    "no room",
  );
  assertEquals(bars.map(({ index }) => index), [0]);
});

Deno.test("an I/O BAR with bit 2 set is one register, not two", () => {
  const pci = makeFunction();
  pci.addBar(0, { byteLength: 4, io: true });
  pci.space.write(0x10, 4, 0x1005);
  pci.addBar(1, { byteLength: 0x1000 });
  assertEquals(place(pci).map(({ index, space }) => `${index} ${space}`), ["0 io", "1 memory"]);
});

Deno.test("six BARs get six places that do not overlap", () => {
  const pci = makeFunction();
  for (let index = 0; index < 6; index++) pci.addBar(index, { byteLength: 16 << index });
  const bars = place(pci);
  assertEquals(bars.map(({ index }) => index), [0, 1, 2, 3, 4, 5]);
  for (let i = 1; i < 6; i++) {
    assertEquals(bars[i].address >= bars[i - 1].address + bars[i - 1].byteLength, true);
  }
  for (const { index, address } of bars) assertEquals(pci.barAddress(index), address);
});

Deno.test("a size that is no power of two is a PciError", () => {
  for (const mask of [0xffff_5000, 0xffff_0010, 0x00ff_f000, 0x0000_0010]) {
    const pci = makeFunction();
    pci.addBar(2, { byteLength: 0x1000, mask });
    assertThrows(() => place(pci), PciError, "BAR 2 claims");
  }
});

Deno.test("the type bits of a BAR are no part of its length or its address", () => {
  const pci = makeFunction();
  pci.addBar(0, { byteLength: 0x1000, wide: true });
  pci.space.write(0x10, 4, 0x0c);
  assertEquals(place(pci)[0], {
    index: 0,
    space: "memory",
    byteLength: 0x1000,
    address: 0xe000_0000,
  });
});

Deno.test("a last BAR of 64 bits has no second half: a PciError, and nothing behind it is written", () => {
  const config: ConfigSpace = {
    read: (offset) => offset === 0x24 ? 0x4 : 0,
    write: (offset) => {
      if (offset > 0x24) throw new Error(`a write to ${offset}`);
    },
  };
  assertThrows(() => placeBars(config, () => 0, []), PciError, "BAR 5 claims 64 bits");
});
