import { assertEquals, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { OutputFile } from "../../../drivers/ffi/output_file.ts";

const TEXT = new TextEncoder().encode("hello, world");

async function inFolder(test: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-file-" });
  try {
    test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what is written is in the file, and what was there before isn't", async () => {
  await inFolder((folder) => {
    const path = `${folder}/out`;
    Deno.writeTextFileSync(path, "something much longer than that");
    {
      using file = new OutputFile(path);
      assertEquals(file.write(TEXT), TEXT.length);
      assertEquals(file.write(TEXT.subarray(5)), TEXT.length - 5);
      assertEquals(Deno.readTextFileSync(path), "hello, world, world");
      file.truncate(5);
    }
    assertEquals(Deno.readTextFileSync(path), "hello");
  });
});

Deno.test("a folder, and a file in none, can't be written", async () => {
  await inFolder((folder) => {
    assertThrows(() => new OutputFile(folder), ErrnoError, "open: Is a directory");
    assertThrows(() => new OutputFile(`${folder}/a/b`), ErrnoError, "open: No such file");
  });
});

Deno.test("a full disk is an error of write, and a device can't be cut off", () => {
  using file = new OutputFile("/dev/full");
  assertThrows(() => file.write(TEXT), ErrnoError, "write: No space left on device");
  assertThrows(() => file.truncate(0), ErrnoError, "ftruncate: Invalid argument");
});

Deno.test("closing twice closes no other's descriptor", async () => {
  await inFolder((folder) => {
    const first = new OutputFile(`${folder}/1`);
    first[Symbol.dispose]();
    using second = new OutputFile(`${folder}/2`);
    first[Symbol.dispose]();
    assertEquals(second.write(TEXT), TEXT.length);
  });
});
