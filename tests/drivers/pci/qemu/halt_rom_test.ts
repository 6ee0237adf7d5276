import { assertEquals, assertThrows } from "@std/assert";
import { libc } from "../../../../drivers/ffi/libc.ts";
import { MappedRegion } from "../../../../drivers/ffi/mapped_region.ts";
import { createHaltRom } from "../../../../drivers/pci/qemu/halt_rom.ts";

const ROM_BYTES = 0x1_0000;

Deno.test("the ROM halts at the reset vector, for good, and is empty otherwise", () => {
  const fd = createHaltRom();
  using rom = new MappedRegion(fd, ROM_BYTES);
  libc.close(fd);
  // cli; hlt; and a jump back by 3, to the hlt: its own two bytes, and one.
  assertEquals([...rom.u8.subarray(0xfff0, 0xfff4)], [0xfa, 0xf4, 0xeb, 0x100 - 3]);
  assertEquals(rom.u8.reduce((count, byte) => byte === 0 ? count : count + 1, 0), 4);
});

Deno.test("the ROM is 64 KiB, as QEMU wants multiples of that, and the caller's to close", () => {
  const fd = createHaltRom();
  // SEEK_END would tell, but the C library is bound without lseek: what lies beyond can't be read.
  const buffer = new Uint8Array(ROM_BYTES + 1);
  assertEquals(libc.read(fd, buffer, BigInt(buffer.length)), ROM_BYTES);
  assertEquals(libc.close(fd), 0);
  assertThrows(() => new MappedRegion(fd, ROM_BYTES));
});
