import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../image/image_error.ts";
import { parseLdd, sharedLibraries } from "../../image/shared_libraries.ts";

Deno.test("ldd's lines are paths of libraries and the loader, without the vDSO", () => {
  const text = `\tlinux-vdso.so.1 (0x00007ffd)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f01)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f02)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f03)
`;
  assertEquals(parseLdd(text), [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/lib64/ld-linux-x86-64.so.2",
  ]);
});

Deno.test("a library that isn't installed is named", () => {
  assertThrows(() => parseLdd("\tlibx.so.1 => not found\n"), ImageError, "libx.so.1");
  assertThrows(() => parseLdd("\tstatically linked\n"), ImageError, "no library");
});

Deno.test("the Deno that runs needs the C library and the loader", async () => {
  const libraries = await sharedLibraries(Deno.execPath());
  assertEquals(libraries.some((path) => path.endsWith("/libc.so.6")), true);
  assertEquals(libraries.some((path) => path.includes("/ld-linux-")), true);
  for (const path of libraries) assertEquals(Deno.statSync(path).isFile, true);
});
