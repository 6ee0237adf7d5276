import { assertEquals, assertStrictEquals } from "@std/assert";
import { ENOENT, errno } from "../../../drivers/ffi/errno.ts";
import { compiled, cString, libc } from "../../../drivers/ffi/libc.ts";

const O_RDONLY = 0;
const SEEK_END = 2;

const open = compiled("open");
const lseek = compiled("lseek");

Deno.test("a call through an address and a compiled one do the same", () => {
  const path = cString(new URL(import.meta.url).pathname);
  for (const call of [libc.open, open]) {
    const fd = call(path, O_RDONLY, 0);
    const { size } = Deno.statSync(new URL(import.meta.url));
    for (const seek of [libc.lseek, lseek]) assertEquals(seek(fd, 0n, SEEK_END), BigInt(size));
    assertEquals(libc.close(fd), 0);
  }
});

Deno.test("either leaves errno as it was set", () => {
  for (const call of [libc.open, open]) {
    libc.close(-1);
    assertEquals(call(cString("/nowhere/at/all"), O_RDONLY, 0), -1);
    assertEquals(errno(), ENOENT);
  }
});

Deno.test("a buffer may be null, and a call be made on another thread", async () => {
  assertEquals(libc.ioctl(-1, 0n, null), -1);
  assertEquals(await libc.poll_nonblocking(Int32Array.of(-1, 0), 1n, 0), 0);
});

Deno.test("a function is compiled once", () => {
  assertStrictEquals(compiled("open"), open);
});
