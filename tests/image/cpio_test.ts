import { assertEquals } from "@std/assert";
import { cpioArchive, type CpioEntry } from "../../image/cpio.ts";
import { runTool } from "./run_tool.ts";

const ENTRIES: readonly CpioEntry[] = [
  { path: "bin", data: null },
  { path: "bin/deno", data: new TextEncoder().encode("12345"), executable: true },
  { path: "empty", data: new Uint8Array(0) },
];

Deno.test("an archive is what cpio -t reads: modes, owners, sizes and times", async () => {
  using file = new TemporaryFile();
  writeArchive(file.path, ENTRIES);
  const script = 'TZ=UTC cpio --quiet -itvn < "$0"';
  const lines = (await runTool("sh", "-c", script, file.path)).trimEnd().split("\n");
  assertEquals(lines.map((line) => line.replaceAll(/\s+/g, " ")), [
    "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
    "-rwxr-xr-x 1 0 0 5 Jan 1 1970 bin/deno",
    "-rw-r--r-- 1 0 0 0 Jan 1 1970 empty",
  ]);
});

Deno.test("an archive gives back what was put into it, of any length", async () => {
  const entries = Array.from({ length: 9 }, (_, length) => ({
    path: `${"x".repeat(length + 1)}`,
    data: new Uint8Array(length).fill(0x61 + length),
  }));
  using file = new TemporaryFile();
  writeArchive(file.path, entries);
  for (const { path, data } of entries) {
    const script = 'cpio --quiet -i --to-stdout "$1" < "$0"';
    assertEquals(
      await runTool("sh", "-c", script, file.path, path),
      new TextDecoder().decode(data),
    );
  }
});

Deno.test("a header is 110 bytes of ASCII, with inodes in order and a name that ends with a zero", () => {
  const [folder, program] = [...cpioArchive(ENTRIES)].map((piece) =>
    new TextDecoder().decode(piece)
  );
  assertEquals(
    folder,
    "070701" + "00000001" + "000041ED" + "00000000" + "00000000" + "00000002" + "00000000" +
      "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000" +
      "bin\0" + "\0\0",
  );
  assertEquals(program.slice(6, 14), "00000002");
  assertEquals(program.slice(54, 62), "00000005");
  assertEquals(program.slice(110), "bin/deno\0\0");
});

Deno.test("every piece of an archive ends at a multiple of four bytes", () => {
  let at = 0;
  for (const piece of cpioArchive(ENTRIES)) {
    const isHeader = new TextDecoder().decode(piece).startsWith("070701");
    if (isHeader) assertEquals(at % 4, 0);
    at += piece.length;
  }
  assertEquals(at % 4, 0);
});

function writeArchive(path: string, entries: readonly CpioEntry[]): void {
  using file = Deno.openSync(path, { write: true, truncate: true });
  for (const piece of cpioArchive(entries)) {
    for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
  }
}

class TemporaryFile implements Disposable {
  readonly path: string = Deno.makeTempFileSync({ dir: "/tmp", prefix: "ukdeno-cpio-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}
