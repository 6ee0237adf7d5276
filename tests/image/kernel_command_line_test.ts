import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../image/image_error.ts";
import { kernelCommandLine } from "../../image/kernel_command_line.ts";

Deno.test("the appliance's arguments come last, and parameters before Deno's", () => {
  const line = kernelCommandLine(["ping", "10.0.2.2"], ["netdev.ip=10.0.2.15/24"]);
  const [kernel, deno] = line.split(" -- ");
  assertEquals(kernel.split(" ").at(-1), "netdev.ip=10.0.2.15/24");
  assertEquals(kernel.split(" ").includes("rdinit=/bin/deno"), true);
  assertEquals(deno.split(" ")[0], "run");
  assertEquals(deno.split(" ").slice(-3), ["/app/init.js", "ping", "10.0.2.2"]);
});

Deno.test("a word with a space in it is quoted", () => {
  assertEquals(kernelCommandLine(["--log=a b"]).endsWith('/app/init.js "--log=a b"'), true);
});

Deno.test("what a kernel command line can't hold is refused", () => {
  for (const args of [['--x="'], ["a\nb"], [""], ["x".repeat(2048)], Array(32).fill("x")]) {
    assertThrows(() => kernelCommandLine(args), ImageError);
  }
});

Deno.test("a word without an equals sign isn't one that Deno would get for an argument", () => {
  // The kernel passes on what it doesn't know: with "=" as a variable, without as an argument.
  const known = ["quiet", "cryptomgr.notests", "no_timer_check"];
  const [kernel] = kernelCommandLine([]).split(" -- ");
  const bare = kernel.split(" ").filter((word) => !word.includes("=") && !known.includes(word));
  assertEquals(bare, []);
});
