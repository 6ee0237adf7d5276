import { assert, assertEquals, assertThrows } from "@std/assert";
import { ENOENT, ErrnoError } from "../../../drivers/ffi/errno.ts";
import {
  listSpecial,
  readSpecial,
  readSpecialLink,
  writeSpecial,
} from "../../../drivers/ffi/special_file.ts";

Deno.test("a file of /proc is read without a permission for it, however long it is", () => {
  assertEquals(readSpecial("/proc/sys/kernel/ostype"), "Linux\n");
  const lines = readSpecial("/proc/self/smaps").split("\n");
  assert(lines.length > 500, `${lines.length} lines`);
  assertEquals(lines.at(-1), "");
});

Deno.test("a folder of /proc lists its names, without itself and its parent", () => {
  const names = listSpecial("/proc/self");
  for (const name of ["cmdline", "fd", "status"]) assert(names.includes(name), name);
  for (const name of [".", ".."]) assert(!names.includes(name), name);
  assertEquals(names, names.toSorted());
});

Deno.test("a folder that takes several reads lists each name once", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    const wanted = Array.from({ length: 500 }, (_, i) => `name-${String(i).padStart(4, "0")}`);
    for (const name of wanted) await Deno.writeTextFile(`${folder}/${name}`, "");
    assertEquals(listSpecial(folder), wanted);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a link says where it leads", () => {
  assertEquals(readSpecialLink("/proc/self"), String(Deno.pid));
});

Deno.test("a file is written in place, and isn't made", async () => {
  const path = await Deno.makeTempFile({ dir: "/tmp" });
  try {
    writeSpecial(path, "vfio-pci");
    assertEquals(await Deno.readTextFile(path), "vfio-pci");
  } finally {
    await Deno.remove(path);
  }
  const error = assertThrows(() => writeSpecial(path, "again"), ErrnoError, "open");
  assertEquals(error.errno, ENOENT);
});
