import { assertEquals, assertThrows } from "@std/assert";
import { mapPhysical } from "../../../drivers/mmio/physical_window.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";

const PAGE = 4096;

/** Runs `f` with a file of three pages in place of the machine's address space. */
function onFile(f: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  try {
    Deno.truncateSync(path, 3 * PAGE);
    f(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("registers are read and written at each width, also across the end of a page", () => {
  onFile((path) => {
    using mapped = mapPhysical(2 * PAGE - 0x100, 0x200, path);
    const { registers } = mapped;
    registers.write32(0xfc, 0x8765_4321);
    registers.write16(0x100, 0xbeef);
    registers.write8(0x103, 0x5a);
    assertEquals([registers.read8(0xff), registers.read16(0xfe)], [0x87, 0x8765]);
    assertEquals([registers.read32(0xfc), registers.read32(0x100)], [0x8765_4321, 0x5a00_beef]);
    using other = mapPhysical(2 * PAGE, 8, path);
    assertEquals([other.registers.byteLength, other.registers.read32(0)], [8, 0x5a00_beef]);
    assertThrows(() => registers.read32(0x200), RangeError);
    assertThrows(() => registers.read32(2), RangeError);
    assertThrows(() => registers.write16(-2, 0), RangeError);
  });
});

Deno.test("once it's unmapped all ones are read, and what is written is lost", () => {
  onFile((path) => {
    const mapped = mapPhysical(0, 0x200, path);
    mapped[Symbol.dispose]();
    mapped.registers.write32(0, 1);
    assertEquals(mapped.registers.read32(0), 0xffff_ffff);
    using again = mapPhysical(0, 0x200, path);
    assertEquals(again.registers.read32(0), 0);
  });
});

Deno.test("without /dev/mem the remedy is named", () => {
  const map = () => mapPhysical(0xfeb0_0e00, 0x200, "/nowhere/mem");
  const { message } = assertThrows(map, NetdevError, "there's no /nowhere/mem");
  assertEquals(message.includes("CONFIG_DEVMEM"), true);
});
