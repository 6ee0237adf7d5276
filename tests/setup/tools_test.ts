import { assert, assertEquals } from "@std/assert";
import {
  isInstalled,
  missingTools,
  packagesOf,
  searchFolders,
  type Tool,
} from "../../app/setup/tools.ts";
import { FakeFolder } from "./fake_folder.ts";

function tool(program: string, testsOnly: boolean): Tool {
  return { program, package: `lib-${program}`, purpose: "a test", testsOnly };
}

function programs(tools: Tool[]): string[] {
  return tools.map(({ program }) => program);
}

Deno.test("the folders are those of PATH in their order, then the system's, each once", () => {
  assertEquals(searchFolders("/usr/bin:/sbin:/usr/bin"), ["/usr/bin", "/sbin", "/usr/sbin"]);
});

Deno.test("empty and relative folders of PATH are passed over", () => {
  assertEquals(searchFolders(""), ["/usr/sbin", "/sbin"]);
  assertEquals(searchFolders(":bin:/opt/bin:"), ["/opt/bin", "/usr/sbin", "/sbin"]);
});

Deno.test("a program counts only as an executable file, in any of the folders", () => {
  using first = new FakeFolder();
  using second = new FakeFolder("there");
  second.add("plain", "exit 0", 0o644);
  Deno.mkdirSync(`${second.path}/folder`);
  const folders = ["/nonexistent", first.path, second.path];
  assert(isInstalled("there", folders));
  assert(!isInstalled("there", [first.path]));
  assert(!isInstalled("plain", folders));
  assert(!isInstalled("folder", folders));
});

Deno.test("a folder that may not be read has no programs, and is no error", () => {
  assert(!isInstalled("cmdline", ["/proc"]));
});

Deno.test("what only the tests need is missing only for the tests", () => {
  using folder = new FakeFolder("qemu");
  const tools = [tool("qemu", false), tool("setpriv", false), tool("tshark", true)];
  assertEquals(programs(missingTools(false, [folder.path], tools)), ["setpriv"]);
  assertEquals(programs(missingTools(true, [folder.path], tools)), ["setpriv", "tshark"]);
  folder.add("setpriv");
  assertEquals(missingTools(false, [folder.path], tools), []);
});

Deno.test("a program that its package keeps in a folder of its own is found there", () => {
  using folder = new FakeFolder();
  const hidden = { ...tool("ovs-vswitchd-dpdk", true), folder: folder.path };
  assertEquals(programs(missingTools(true, ["/nonexistent"], [hidden])), ["ovs-vswitchd-dpdk"]);
  folder.add("ovs-vswitchd-dpdk");
  assertEquals(missingTools(true, ["/nonexistent"], [hidden]), []);
});

Deno.test("a package that has two of the tools is named once", () => {
  const tools = ["nmap", "nping", "arping"].map((program) => tool(program, true));
  const inOnePackage = tools.map((each) => ({ ...each, package: "nmap" }));
  assertEquals(packagesOf(tools), ["lib-nmap", "lib-nping", "lib-arping"]);
  assertEquals(packagesOf(inOnePackage), ["nmap"]);
});
