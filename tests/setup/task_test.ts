/** `deno task setup` as a user runs it, on a machine whose PATH is one folder of fakes. */

import { assertEquals, assertMatch } from "@std/assert";
import { TOOLS } from "../../app/setup/tools.ts";
import { FakeFolder } from "./fake_folder.ts";

/** What a command printed and how it ended. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command that dies with this test; setpriv is the one program tests may start. */
async function run(...command: string[]): Promise<Result> {
  const args = ["--pdeathsig", "KILL", ...command];
  const output = await new Deno.Command("setpriv", { args }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/**
 * Runs the task. The environment is set by `env`, not by Deno, which would look for setpriv in the
 * new PATH. Deno would put a folder of its own into a PATH without node.
 */
function setupTask(folder: FakeFolder, args: string[] = [], env: string[] = []): Promise<Result> {
  folder.add("node");
  const environment = [`PATH=${folder.path}`, "NO_COLOR=1", ...env];
  return run("env", ...environment, Deno.execPath(), "task", "--quiet", "setup", ...args);
}

async function isRoot(): Promise<boolean> {
  return (await run("id", "-u")).stdout === "0\n";
}

const START = ["qemu-system-x86_64", "setpriv"];
/** All that is needed with the tests but tshark. */
const ALMOST_ALL = TOOLS.map(({ program }) => program).filter((program) => program !== "tshark");

Deno.test("the task is silent where all is there", async () => {
  using folder = new FakeFolder(...ALMOST_ALL, "tshark", "apt-get");
  assertEquals(await setupTask(folder, ["--tests"]), { code: 0, stdout: "", stderr: "" });
});

Deno.test("the task is silent where all is there and there is no apt-get", async () => {
  using folder = new FakeFolder(...START);
  assertEquals(await setupTask(folder), { code: 0, stdout: "", stderr: "" });
});

Deno.test("the task names what is missing where there is no apt-get", async () => {
  using folder = new FakeFolder(...ALMOST_ALL);
  const { code, stderr } = await setupTask(folder, ["--tests"]);
  assertEquals(code, 1);
  assertMatch(stderr, /^setup: missing tshark \([^\n]*\nsetup: there is no apt-get [^\n]*\n$/);
});

Deno.test("the task refuses an unknown argument in one line", async () => {
  using folder = new FakeFolder(...START);
  const { code, stderr } = await setupTask(folder, ["--no-such"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^setup: unknown argument '--no-such'[^\n]*\n$/);
});

Deno.test("the task installs as root, and otherwise says how to", async () => {
  using folder = new FakeFolder(...ALMOST_ALL);
  // It records how it was called, and its install brings tshark.
  const log = `${folder.path}/log`;
  folder.add(
    "apt-get",
    `echo "$DEBIAN_FRONTEND $PATH $*" >> ${log}
case " $* " in *" install "*) cd ${folder.path} && /bin/cp -p setpriv tshark ;; esac
echo noise`,
  );
  const { code, stdout, stderr } = await setupTask(
    folder,
    ["--tests"],
    ["DEBIAN_FRONTEND=dialog"],
  );
  assertEquals(stdout, "");
  if (!await isRoot()) {
    assertEquals(code, 1);
    assertMatch(stderr, /\nsudo apt-get update && sudo apt-get install [^\n]* tshark\n$/);
    return;
  }
  assertEquals(code, 0);
  assertMatch(stderr, /^setup: missing tshark [^\n]*; installing tshark by apt\n$/);
  const called = `noninteractive ${folder.path}:/usr/sbin:/sbin`;
  assertEquals(Deno.readTextFileSync(log).trim().split("\n"), [
    `${called} -qq update`,
    `${called} -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends --no-remove tshark`,
  ]);
});

Deno.test("the task installs in an environment with LD_LIBRARY_PATH", async () => {
  using folder = new FakeFolder(...ALMOST_ALL);
  folder.add("apt-get", `cd ${folder.path} && /bin/cp -p setpriv tshark`);
  const { code, stderr } = await setupTask(folder, ["--tests"], ["LD_LIBRARY_PATH=/nonexistent"]);
  assertEquals(code, await isRoot() ? 0 : 1, stderr);
});

Deno.test("the task shows what apt-get said when it fails", async () => {
  using folder = new FakeFolder(...ALMOST_ALL);
  folder.add("apt-get", `echo reading; echo "E: no such package" >&2; exit 100`);
  const { code, stderr } = await setupTask(folder, ["--tests"]);
  assertEquals(code, 1);
  if (!await isRoot()) return;
  assertMatch(stderr, /\nE: no such package\nsetup: apt-get failed to install tshark\n$/);
  assertEquals(stderr.includes("reading"), false);
});
