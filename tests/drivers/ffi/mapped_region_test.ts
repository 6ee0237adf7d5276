import { assert, assertEquals, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { libc } from "../../../drivers/ffi/libc.ts";
import { createMemfd, MappedRegion } from "../../../drivers/ffi/mapped_region.ts";

const PAGE = 4096;

Deno.test("two mappings of one memfd show each other's stores at every width", () => {
  const fd = createMemfd("ukdeno-test", PAGE);
  using one = new MappedRegion(fd, PAGE);
  using other = new MappedRegion(fd, PAGE);
  libc.close(fd);
  one.u8[5] = 0x5a;
  one.u16[4] = 0xbeef;
  one.u32[1023] = 0xdeadbeef;
  assertEquals(other.u8[5], 0x5a);
  assertEquals([other.u8[8], other.u8[9]], [0xef, 0xbe]);
  assertEquals(other.u32[1023], 0xdeadbeef);
});

Deno.test("MappedRegion throws the errno of a refused mmap", () => {
  const error = assertThrows(() => new MappedRegion(-1, PAGE), ErrnoError);
  assertEquals(error.call, "mmap");
  assertEquals(error.errno, 9); // EBADF
  assertEquals(error.message, "mmap: Bad file descriptor");
});

Deno.test("access after disposal is undefined or a throw, never a crash", () => {
  const fd = createMemfd("ukdeno-test", PAGE);
  const region = new MappedRegion(fd, PAGE);
  libc.close(fd);
  region.u32[0] = 1;
  region[Symbol.dispose]();
  assertEquals(region.u32[0], undefined);
  region.u8[17] = 1; // goes nowhere
  assertThrows(() => Atomics.load(region.u16, 0));
  region[Symbol.dispose](); // a second time does nothing
});

Deno.test("createMemfd() throws for a size the kernel refuses and leaks no descriptor", () => {
  const before = openDescriptors();
  assertThrows(() => createMemfd("ukdeno-test", -1), ErrnoError, "ftruncate");
  // Another thread of Deno's may have closed one in between.
  const after = openDescriptors();
  assert(after <= before, `descriptor ${after} is the lowest free one, and was ${before}`);
});

/** The lowest free descriptor tells: it moves up by one with each that is left open. */
function openDescriptors(): number {
  const fd = createMemfd("ukdeno-probe", PAGE);
  libc.close(fd);
  return fd;
}
