import { assertEquals } from "@std/assert";
import { guestEntries } from "../../image/guest_files.ts";

Deno.test("a guest's files are sorted, behind the folders that they're in", async () => {
  const source = new URL("../../LICENSE", import.meta.url).pathname;
  const entries = await guestEntries([
    { path: "/lib64/loader", source, executable: true },
    { path: "/lib/a/b.so", source, executable: true },
    { path: "/lib/a.so", source, executable: false },
  ]);
  assertEquals(entries.map(({ path, data }) => data === null ? `${path}/` : path), [
    "dev/",
    "lib/",
    "lib/a/",
    "lib/a.so",
    "lib/a/b.so",
    "lib64/",
    "lib64/loader",
    "proc/",
    "sys/",
    "tmp/",
  ]);
  assertEquals(entries.find(({ path }) => path === "lib/a.so")?.data, Deno.readFileSync(source));
});
