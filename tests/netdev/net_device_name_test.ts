import { assertEquals } from "@std/assert";
import { checkName, resolveName } from "../../netdev/net_device_name.ts";
import { refuses } from "./refuses.ts";

for (
  const name of ["n", "net0", "net%d", "%d", "a.b", "...", "fifteen-bytes-1", "eth0@if3", "zürich"]
) {
  Deno.test(`a device may be called "${name}"`, () => checkName(name));
}

for (
  const { name, why } of [
    { name: "", why: "1 to 15 bytes are possible, not 0" },
    { name: "sixteen-bytes-16", why: "1 to 15 bytes are possible, not 16" },
    { name: "ääääääää", why: "1 to 15 bytes are possible, not 16" },
    { name: ".", why: "that is a directory's name" },
    { name: "..", why: "that is a directory's name" },
    { name: "a/b", why: "no white space, / or : is possible" },
    { name: "net0:1", why: "no white space, / or : is possible" },
    { name: "a b", why: "no white space, / or : is possible" },
    { name: "a\n", why: "no white space, / or : is possible" },
    { name: "a\vb", why: "no white space, / or : is possible" },
    { name: "net%", why: "% is possible once, as %d" },
    { name: "net%s", why: "% is possible once, as %d" },
    { name: "n%d%d", why: "% is possible once, as %d" },
    { name: "%%d", why: "% is possible once, as %d" },
  ]
) {
  Deno.test(`no device may be called ${JSON.stringify(name)}: ${why}`, () => {
    refuses("EINVAL", `device name ${JSON.stringify(name)}: ${why}`, () => checkName(name));
  });
}

Deno.test("a name without a pattern is the name, unless it's taken", () => {
  assertEquals(resolveName("lan", () => false), "lan");
  refuses(
    "EEXIST",
    'a device named "lan" is registered already',
    () => resolveName("lan", (name) => name === "lan"),
  );
});

Deno.test("a pattern gets the lowest number that is free", () => {
  const taken = new Set(["net0", "net1", "net3", "lan2"]);
  assertEquals(resolveName("net%d", (name) => taken.has(name)), "net2");
  assertEquals(resolveName("lan%d", (name) => taken.has(name)), "lan0");
  assertEquals(resolveName("%dG", (name) => taken.has(name)), "0G");
});

Deno.test("a number that makes the name too long is refused", () => {
  const taken = (name: string): boolean => /\D\d$/.test(name);
  assertEquals(resolveName("twelve-bytes%d", taken), "twelve-bytes10");
  refuses(
    "EINVAL",
    'device name "fourteen-bytes10": 1 to 15 bytes are possible, not 16',
    () => resolveName("fourteen-bytes%d", taken),
  );
});
