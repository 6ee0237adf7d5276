import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { libc } from "../../../drivers/ffi/libc.ts";
import { createMemfd } from "../../../drivers/ffi/mapped_region.ts";
import { Mapping } from "../../../drivers/ffi/mapping.ts";

const PAGE = 4096;

Deno.test("a mapping of a file begins where it's told to", () => {
  const fd = createMemfd("ukdeno-test", 3 * PAGE);
  using whole = Mapping.ofFile(fd, 0n, 3 * PAGE);
  using piece = Mapping.ofFile(fd, BigInt(2 * PAGE), PAGE);
  libc.close(fd);
  whole.u32[2 * PAGE / 4 + 3] = 0x1234_5678;
  assertEquals(piece.u32[3], 0x1234_5678);
  assert(whole.address !== piece.address);
});

Deno.test("memory of no file is zeroed, lies at a huge page, and is gone once it's disposed", () => {
  const memory = Mapping.anonymous(4 * 2 ** 20);
  assert(memory.u32.every((word) => word === 0));
  assert(memory.address > 0 && memory.address % 2 ** 21 === 0, `at ${memory.address}`);
  memory[Symbol.dispose]();
  assertEquals([memory.address, memory.u8[0]], [0, undefined]);
});

Deno.test("more memory than there can be is an error of mmap", () => {
  assertThrows(() => Mapping.anonymous(2 ** 47), ErrnoError, "mmap");
  assertThrows(() => Mapping.ofHugePages(2 ** 46), ErrnoError, "mmap");
});

Deno.test("a piece of a mapping can be replaced by any piece of a file", () => {
  const fd = createMemfd("ukdeno-test", 3 * PAGE);
  using mapping = Mapping.ofFile(fd, 0n, 3 * PAGE);
  for (let page = 0; page < 3; page++) mapping.u8[page * PAGE] = page;
  mapping.replace(0, fd, BigInt(2 * PAGE), PAGE);
  mapping.replace(2 * PAGE, fd, 0n, PAGE);
  assertThrows(() => mapping.replace(2 * PAGE, fd, 0n, 2 * PAGE), RangeError, "at 8192");
  libc.close(fd);
  assertEquals([0, 1, 2].map((page) => mapping.u8[page * PAGE]), [2, 1, 0]);
});
