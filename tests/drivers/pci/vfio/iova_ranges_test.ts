import { assertEquals, assertThrows } from "@std/assert";
import { chooseIova, parseIovaRanges } from "../../../../drivers/pci/vfio/iova_ranges.ts";
import { VfioError } from "../../../../drivers/pci/vfio/vfio_error.ts";

const MIB = 2 ** 20;
const HUGE_PAGE = 2 * MIB;

/** `struct vfio_iommu_type1_info` of x86, with another capability in front of that of the ranges. */
function info(ranges: readonly (readonly [start: bigint, end: bigint])[]): Uint32Array {
  const halves = ranges.flat().flatMap((n) => [Number(n & 0xffff_ffffn), Number(n >> 32n)]);
  const words = [0, 3, 0x4020_1000, 0, 20, 3 | 1 << 16, 32, 0, 1 | 1 << 16, 0, ranges.length, 0];
  return Uint32Array.of(...words, ...halves);
}

Deno.test("the usable ranges are read from the chain of capabilities, with the hole of MSI", () => {
  const answer = info([[0n, 0xfedf_ffffn], [0xfef0_0000n, 0x7f_ffff_ffffn]]);
  assertEquals(parseIovaRanges(answer), [
    { start: 0, end: 0xfedf_ffff },
    { start: 0xfef0_0000, end: 0x7f_ffff_ffff },
  ]);
});

Deno.test("a count of ranges that lies beyond the answer gives those that are there", () => {
  const answer = info([[0n, 0xfffn]]);
  answer[10] = 1000;
  assertEquals(parseIovaRanges(answer), [{ start: 0, end: 0xfff }]);
});

Deno.test("a kernel that says nothing has 32-bit addresses below those of MSI", () => {
  const silent = [{ start: 0, end: 0xfedf_ffff }];
  assertEquals(parseIovaRanges(Uint32Array.of(0, 1, 0x1000, 0, 0)), silent);
  assertEquals(parseIovaRanges(Uint32Array.of(0, 3, 0x1000, 0, 0)), silent);
});

Deno.test("memory goes to the first place that has room for it, above 256 MiB and below 4 GiB", () => {
  const choose = (ranges: [number, number][], byteLength = 64 * MIB): number =>
    chooseIova(ranges.map(([start, end]) => ({ start, end })), byteLength, HUGE_PAGE);
  assertEquals(choose([[0, 0xfedf_ffff]]), 0x1000_0000);
  assertEquals(choose([[0, 0x1000_0fff], [0x2000_1000, 0xffff_ffff]]), 0x2020_0000);
  assertEquals(choose([[0x4000_0000, 0x43ff_ffff], [0x8000_0000, 0xffff_ffff]]), 0x4000_0000);
  assertEquals(choose([[0x4000_0000, 0x43ff_fffe], [0x8000_0000, 0xffff_ffff]]), 0x8000_0000);
});

Deno.test("without a place for it the error says what there is", () => {
  for (const start of [0xfd00_0000, 2 ** 32]) {
    const { message } = assertThrows(
      () => chooseIova([{ start, end: 2 ** 39 - 1 }], 64 * MIB, HUGE_PAGE),
      VfioError,
      "below 4 GiB",
    );
    assertEquals(message.includes(`0x${start.toString(16)}-0x7fffffffff`), true, message);
  }
});
