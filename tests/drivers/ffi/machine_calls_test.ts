import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { secondsSinceBoot } from "../../../drivers/ffi/boot_clock.ts";
import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { loadKernelModule } from "../../../drivers/ffi/kernel_module.ts";
import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { createMemfd } from "../../../drivers/ffi/mapped_region.ts";
import { mountKernelFileSystem } from "../../../drivers/ffi/mount.ts";
import { drainTerminal } from "../../../drivers/ffi/terminal.ts";

const ENOENT = 2;
const ENOTTY = 25;

Deno.test("a kernel module that isn't there is named", () => {
  const error = assertThrows(() => loadKernelModule("/nowhere/none.ko"), ErrnoError);
  assertEquals([error.call, error.errno], ["open /nowhere/none.ko", ENOENT]);
});

Deno.test("a file that is no kernel module is refused, and named", () => {
  const license = new URL("../../../LICENSE", import.meta.url).pathname;
  // EPERM for who may not, ENOEXEC for who may.
  const error = assertThrows(() => loadKernelModule(license), ErrnoError);
  assertEquals(error.call, `finit_module ${license}`);
});

Deno.test("a file system that there isn't can't be mounted", () => {
  // EPERM for who may not, ENODEV for who may.
  const error = assertThrows(() => mountKernelFileSystem("ukdeno", "/tmp"), ErrnoError);
  assertEquals(error.call, "mount /tmp");
});

Deno.test("only a terminal can be drained", () => {
  const fd = createMemfd("no-terminal", 4);
  const error = assertThrows(() => drainTerminal(fd), ErrnoError);
  assertEquals(error.errno, ENOTTY);
  closeFd(fd);
});

Deno.test("the time since the machine began goes on, in seconds", () => {
  const before = secondsSinceBoot();
  const start = performance.now();
  while (performance.now() - start < 20);
  const after = secondsSinceBoot();
  assertGreater(after - before, 0.019);
  assertGreater(10, after - before);
});
