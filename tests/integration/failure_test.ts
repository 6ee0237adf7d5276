import { assert, assertEquals, assertMatch } from "@std/assert";
import { Appliance, eventually, runMain, uniqueHub } from "./appliance.ts";
import { processLives } from "./proc.ts";

/** What a user may see of a failure: one line, and nothing of where in the code it was. */
function assertOneLine(stderr: string, expected: RegExp): void {
  assertMatch(stderr, expected);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  assert(!/\bat .*:\d+:\d+/.test(stderr), `a stack trace: ${stderr}`);
}

Deno.test("QEMU killed while serving: one line, status 1", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { pid } = await appliance.event("device");
  await new Deno.Command("setpriv", { args: ["kill", "-KILL", `${pid}`] }).output();
  const { status, stderr } = await appliance.ended();
  assertEquals(status.code, 1);
  assertOneLine(stderr, /^ukdeno: QEMU was killed by SIGKILL$/m);
});

Deno.test("kill -9 of the appliance leaves no QEMU, and its hub can be opened again", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { pid } = await appliance.event("device");
  assert(processLives(pid as number));
  appliance.kill("SIGKILL");
  await appliance.ended();
  await eventually("QEMU is gone", () => !processLives(pid as number));
  const again = await runMain(["serve", `--hub=${appliance.hub}`, "--duration=0.1"]);
  assertEquals(again.code, 0, again.stderr);
});

Deno.test("an exception while QEMU runs leaves no QEMU", async () => {
  const script = new URL("./throws_after_start.ts", import.meta.url).pathname;
  const output = await new Deno.Command("setpriv", {
    args: [
      "--pdeathsig",
      "KILL",
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--allow-ffi",
      "--allow-run=setpriv",
      script,
      uniqueHub(),
    ],
  }).output();
  assertEquals(output.code, 1);
  assertMatch(new TextDecoder().decode(output.stderr), /planted exception/);
  const pid = Number(new TextDecoder().decode(output.stdout));
  assert(pid > 0);
  await eventually("QEMU is gone", () => !processLives(pid));
});

Deno.test("a hub that is taken: one line says whose and what to do, status 1", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const second = await runMain(["serve", `--hub=${appliance.hub}`]);
  assertEquals(second.code, 1);
  assertOneLine(second.stderr, /^ukdeno: hub ".*" is taken .*--hub=NAME$/m);
  await appliance.stop();
});

Deno.test("an argument that QEMU refuses: QEMU's reason in one line, status 1", async () => {
  const { code, stderr } = await runMain([
    "--netdev=nonsense",
    "--ip=10.0.2.15/24",
    `--hub=${uniqueHub()}`,
  ]);
  assertEquals(code, 1);
  assertOneLine(stderr, /^ukdeno: QEMU refused to run: -netdev nonsense,id=net: /);
});

Deno.test("a card that this machine doesn't have: one line says so, status 1", async () => {
  const { code, stderr } = await runMain(["--device=vfio:ffffffff:ff:1f.7", "--ip=192.0.2.9/24"]);
  assertEquals(code, 1);
  assertOneLine(stderr, /^ukdeno: ffffffff:ff:1f\.7 isn't there: lspci -D shows what is$/m);
});

Deno.test("no QEMU on this machine: one line says how to get it, status 1", async () => {
  const folder = await folderWith({ setpriv: "/usr/bin/setpriv" });
  const { code, stderr } = await runMain([`--hub=${uniqueHub()}`], { path: folder });
  assertEquals(code, 1);
  assertOneLine(stderr, /^ukdeno: qemu-system-x86_64 is not installed: run `deno task setup`$/m);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a QEMU that ends at once: one line, status 1", async () => {
  const folder = await folderWith({
    setpriv: "/usr/bin/setpriv",
    "qemu-system-x86_64": "/bin/false",
  });
  const { code, stderr } = await runMain([`--hub=${uniqueHub()}`], { path: folder });
  assertEquals(code, 1);
  assertOneLine(stderr, /^ukdeno: QEMU ended by itself with status 1$/m);
  await Deno.remove(folder, { recursive: true });
});

const BAD_ARGUMENTS: readonly [readonly string[], RegExp][] = [
  [["surf"], /unknown command "surf": serve, ping and info are possible/],
  [["--frobnicate"], /unknown flag --frobnicate/],
  [["--ip"], /--ip needs a value: --ip=A\.B\.C\.D\/N/],
  [["--ip=10.0.2.15"], /--ip: .*prefix length is missing/],
  [["--ip=10.0.2.255/24"], /--ip: .*broadcast address/],
  [["--ip=127.0.0.1/8"], /--ip: .*loopback/],
  [["--ip=10.9.0.9-10.9.0.1"], /--ip: .*the first one is above the last one/],
  [["--ip=10.9.0.1-10.10.0.1/16"], /--ip: .*10\.10\.0\.1 is outside 10\.9\.0\.0\/16/],
  [["--gateway=10.0.3.1"], /--gateway: .*outside 10\.0\.2\.0\/24/],
  [["--mac=ff:ff:ff:ff:ff:ff"], /--mac: .*group address/],
  [["--mtu=67"], /--mtu=67: a whole number from 68 to 9000/],
  [["--mtu=1e3"], /--mtu=1e3: a whole number/],
  [["--busy-poll=-1"], /--busy-poll=-1: a whole number/],
  [["--log=xml"], /--log=xml: text and json are possible/],
  [["--duration=0"], /--duration=0: a number from 0\.001/],
  [
    ["--device=pci:00:02.0"],
    /--device=pci:00:02\.0: qemu, .*vfio, .*tap:NAME, stream:SOCKET, vhost-user:SOCKET, .* are/,
  ],
  [["--device=vfio:2.0"], /--device=vfio:2\.0: "2\.0" is no address of a card: 00:04\.0 would be/],
  [["--device=vfio"], /--ip=A\.B\.C\.D\/N is needed/],
  [["--device=tap:sixteen-bytes-00", "--ip=10.0.2.15/24"], /name has at most 15 bytes/],
  [["--device=tap:tap0"], /--ip=A\.B\.C\.D\/N is needed/],
  [
    ["--device=tap:tap0", "--ip=10.0.2.15/24", "--netdev=user"],
    /--netdev is for --device=qemu: tap:tap0 has no QEMU/,
  ],
  [["--device=stream:", "--ip=10.0.2.15/24"], /path of the socket is missing/],
  [["ping", "--device=tap:tap0", "10.0.2.15"], /--ip=A\.B\.C\.D\/N is needed/],
  [[`--hub=${"x".repeat(106)}`], /at most 105 bytes/],
  [["serve", "extra"], /serve takes no argument "extra"/],
  [["ping", "-c", "0"], /-c=0: a whole number from 1/],
  [["ping", "-s", "1473"], /-s=1473: a whole number from 0 to 1472/],
  [["ping", "-i", "0"], /-i=0: a number from 0\.001/],
  [["ping", "10.0.2.300"], /ADDRESS: .*"300"/],
  [["ping", "10.0.2.15", "10.0.2.16"], /ping takes one address, not 2/],
  [["ping", "--mtu=9001"], /--mtu=9001: a whole number from 68 to 9000/],
];

for (const [args, expected] of BAD_ARGUMENTS) {
  const shown = args.join(" ").slice(0, 60);
  Deno.test(`bad arguments (${shown}): one line, status 2`, async () => {
    const { code, stdout, stderr } = await runMain(args);
    assertEquals(code, 2);
    assertEquals(stdout, "");
    assertOneLine(stderr, expected);
  });
}

Deno.test("--help shows every flag and exits with 0", async () => {
  const { code, stdout, stderr } = await runMain(["--help"]);
  assertEquals(code, 0);
  assertEquals(stderr, "");
  for (const flag of ["--device", "--ip", "--gateway", "--hub", "--log", "--duration", "-c N"]) {
    assert(stdout.includes(flag), `help lacks ${flag}`);
  }
});

Deno.test("without permissions: one line, status 1", async () => {
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const output = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", Deno.execPath(), "run", "--no-prompt", main],
  }).output();
  assertEquals(output.code, 1);
  assertOneLine(new TextDecoder().decode(output.stderr), /--allow-ffi/);
});

/** A folder with programs of these names that are others, as a PATH that holds nothing else. */
async function folderWith(programs: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-path-" });
  for (const [name, target] of Object.entries(programs)) {
    await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\nexec ${target} "$@"\n`, {
      mode: 0o755,
    });
  }
  return folder;
}
