import { assertEquals } from "@std/assert";
import { parseRegionInfo } from "../../../../drivers/pci/vfio/region_info.ts";
import { infoCapabilities, word64 } from "../../../../drivers/pci/vfio/vfio_ioctl.ts";
import { irqSet, unmaskRequest } from "../../../../drivers/pci/vfio/vfio_irqs.ts";

/** `struct vfio_region_info` with `flags`, of region 4: 16 KiB at 4 << 40. */
function region(flags: number, ...capabilities: readonly number[]): Uint32Array {
  const offset = capabilities.length === 0 ? 0 : 32;
  return Uint32Array.of(0, flags, 4, offset, 0x4000, 0, 0, 4 << 8, ...capabilities);
}

const READ_WRITE = 3;
const MMAP = 4;
const CAPS = 8;

Deno.test("a region has a length, and a place in the descriptor beyond 2^53", () => {
  const { byteLength, offset } = parseRegionInfo(region(READ_WRITE));
  assertEquals([byteLength, offset], [0x4000, 4n << 40n]);
  const last = Uint32Array.of(0, 0, 0, 0, 0, 0, 0xffff_ffff, 0xffff_ffff);
  assertEquals(parseRegionInfo(last).offset, 2n ** 64n - 1n);
});

Deno.test("a region is mapped if it can be, and if it can be as a whole", () => {
  const isMappable = (answer: Uint32Array): boolean => parseRegionInfo(answer).mappable;
  assertEquals(isMappable(region(READ_WRITE)), false);
  assertEquals(isMappable(region(READ_WRITE | MMAP)), true);
  // The MSI-X table may be mapped, too (3); or there are areas that may be, and others not (1).
  assertEquals(isMappable(region(READ_WRITE | MMAP | CAPS, 3 | 1 << 16, 0)), true);
  const sparse = [1 | 1 << 16, 0, 1, 0, 0, 0, 0x1000, 0];
  assertEquals(isMappable(region(READ_WRITE | MMAP | CAPS, ...sparse)), false);
});

Deno.test("a chain of capabilities ends, whatever it says", () => {
  const ids = (answer: Uint32Array, offset: number): number[] =>
    infoCapabilities(answer, offset).map(({ id }) => id);
  assertEquals(ids(Uint32Array.of(0, 0, 7 | 1 << 16, 16, 9, 0), 8), [7, 9]);
  assertEquals(ids(Uint32Array.of(0, 0), 0), []);
  for (const beyond of [4, 8, 12, 1000]) assertEquals(ids(Uint32Array.of(0, 0), beyond), []);
  assertEquals(ids(Uint32Array.of(0, 0, 7, 9), 9), [], "no multiple of 4");
  const circle = ids(Uint32Array.of(0, 0, 7, 8), 8);
  assertEquals(circle.every((id) => id === 7) && circle.length < 5, true);
});

Deno.test("64 bits are two words, the lower one first", () => {
  assertEquals(word64(Uint32Array.of(9, 0xffff_ffff, 0x7f), 1), 0x7f_ffff_ffff);
});

Deno.test("a set of interrupts is told with its length, and a descriptor for each", () => {
  assertEquals([...irqSet(0x24, 2, 3, [7, 8, 9])], [32, 0x24, 2, 0, 3, 7, 8, 9]);
  assertEquals([...irqSet(0x21, 2, 0, [])], [20, 0x21, 2, 0, 0]);
  assertEquals([...unmaskRequest(0)], [20, 0x11, 0, 0, 1]);
});
