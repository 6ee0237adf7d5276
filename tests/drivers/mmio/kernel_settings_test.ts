import { assertEquals } from "@std/assert";
import {
  keepLockedPagesInPlace,
  letHugePagesBeMade,
} from "../../../drivers/mmio/kernel_settings.ts";

/** Runs `f` with a file in place of one of the kernel's settings. */
function onFile(text: string, f: (path: string) => void): void {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, text);
    f(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("huge pages are made where they were never made, for as long as they're asked for", () => {
  onFile("always madvise [never]\n", (path) => {
    const setting = () => Deno.readTextFileSync(path).slice(0, 7);
    {
      using _made = letHugePagesBeMade(path);
      assertEquals(setting(), "madvise");
    }
    // A file keeps what a shorter text doesn't write over; the kernel's don't.
    assertEquals(setting(), "neverse");
  });
});

Deno.test("where huge pages are made already that's left as it is", () => {
  onFile("always [madvise] never\n", (path) => {
    using _made = letHugePagesBeMade(path);
    assertEquals(Deno.readTextFileSync(path), "always [madvise] never\n");
  });
});

Deno.test("compaction is told to leave locked pages alone, and what isn't there is made do without", () => {
  onFile("1\n", (path) => {
    keepLockedPagesInPlace(path);
    assertEquals(Deno.readTextFileSync(path), "0\n");
  });
  keepLockedPagesInPlace("/nowhere/compact_unevictable_allowed");
  letHugePagesBeMade("/nowhere/enabled")[Symbol.dispose]();
});
