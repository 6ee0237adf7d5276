import { assertEquals, assertThrows } from "@std/assert";
import { checkAccess, WindowSlice } from "../../../drivers/pci/register_window.ts";
import { RecordedWindow } from "../../device/recorded_window.ts";

Deno.test("a slice passes each access on at its width, behind its start", () => {
  const window = new RecordedWindow(64);
  const slice = new WindowSlice(window, 16, 16);
  slice.write8(1, 0x12);
  slice.write16(2, 0x3456);
  slice.write32(4, 0x789a_bcde);
  assertEquals([slice.read8(1), slice.read16(2), slice.read32(4)], [0x12, 0x3456, 0x789a_bcde]);
  assertEquals(window.accesses, [
    "write8 0x11 0x12",
    "write16 0x12 0x3456",
    "write32 0x14 0x789abcde",
    "read8 0x11",
    "read16 0x12",
    "read32 0x14",
  ]);
});

Deno.test("a slice of a slice adds up", () => {
  const window = new RecordedWindow(64);
  new WindowSlice(new WindowSlice(window, 16, 32), 8, 8).write32(4, 1);
  assertEquals(window.accesses, ["write32 0x1c 0x1"]);
});

Deno.test("what lies outside a slice, or is not aligned, never reaches the device", () => {
  const window = new RecordedWindow(64);
  const slice = new WindowSlice(window, 16, 16);
  const bad: (() => unknown)[] = [
    () => slice.read8(16),
    () => slice.read8(-1),
    () => slice.read16(15),
    () => slice.read16(1),
    () => slice.read32(13),
    () => slice.read32(16),
    () => slice.read32(2),
    () => slice.write8(16, 0),
    () => slice.write16(3, 0),
    () => slice.write32(14, 0),
    () => slice.read8(NaN),
    () => slice.read8(0.5),
  ];
  for (const access of bad) assertThrows(access, RangeError, "no register");
  assertEquals(window.accesses, []);
});

Deno.test("a slice can be all of its window, or nothing at its end, and no more", () => {
  const window = new RecordedWindow(64);
  assertEquals(new WindowSlice(window, 0, 64).byteLength, 64);
  assertEquals(new WindowSlice(window, 64, 0).byteLength, 0);
  for (const [start, length] of [[0, 65], [64, 1], [-4, 8], [8, -4], [0xffff_fff0, 32]]) {
    assertThrows(() => new WindowSlice(window, start, length), RangeError, "reach beyond");
  }
});

Deno.test("checkAccess() lets the last register pass", () => {
  for (const width of [1, 2, 4]) {
    checkAccess(16 - width, width, 16);
    assertThrows(() => checkAccess(16, width, 16), RangeError);
  }
});
