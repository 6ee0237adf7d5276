import { assertEquals, assertMatch } from "@std/assert";
import { countersOf, runMain } from "../integration/appliance.ts";
import { VmAppliance } from "./vm_appliance.ts";

/** Lines of the appliance, without those of the kernel and of what starts it. */
function ownLines(console: readonly string[]): string[] {
  return console.filter((line) => !/^\[ *\d|^ukdeno: kernel |^$/.test(line));
}

Deno.test("ping pings from inside, and the machine ends as it does", async () => {
  await using vm = VmAppliance.start("ping", "-c", "2", "-i", "0.1", "10.0.2.2");
  const { status, stderr, console } = await vm.ended();
  assertEquals([status.code, stderr], [0, ""]);
  assertMatch(console.join("\n"), /^2 packets transmitted, 2 received, 0% packet loss/m);
});

Deno.test("info tells of the card as the guest has it", async () => {
  await using vm = VmAppliance.start("info", "--log=json");
  const { driver, facts, vectors } = await vm.event("info");
  assertEquals(driver, "virtio-net");
  assertMatch(JSON.stringify(facts), /virtio-pci modern.*msi-x per queue/);
  assertEquals((vectors as unknown[]).length, 3);
  const { status, stderr } = await vm.ended();
  assertEquals([status.code, stderr], [0, ""]);
});

Deno.test("an 8255x by VFIO: its interrupt pin is used, it's pinged, and SIGTERM stops it all", async () => {
  await using vm = await VmAppliance.serve("--device=i82550");
  const { driver } = await vm.event("ready");
  assertEquals(driver, "e100");
  await vm.event("gateway");
  const report = await vm.command("report");
  assertEquals(report.filter((line) => /^nic .* vfio-pci$/.test(line)).length, 1);
  assertEquals(report.filter((line) => /^interrupt .* vfio-intx/.test(line)).length, 1);
  const { code } = await runMain(["ping", `--hub=${vm.hub}`, "-c", "2", "-i", "0.1"]);
  assertEquals(code, 0);
  // As from a terminal's Ctrl-C: by itself, and by the task that passes it on.
  vm.kill("SIGTERM");
  vm.kill("SIGINT");
  const { status, stderr } = await vm.ended();
  assertEquals([status.code, stderr], [0, ""]);
  const { host } = countersOf(await vm.event("stopped"));
  assertEquals(host.echoRequestsAnswered, 2);
});

Deno.test("who asks twice doesn't want to wait: the plug is pulled, one line, a failure", async () => {
  await using vm = VmAppliance.start();
  await vm.powered();
  {
    using qmp = vm.operate();
    // A guest that stands still doesn't stop by itself before it's asked again.
    while (!(qmp.execute("query-status") as { running: boolean }).running);
    qmp.execute("stop");
    vm.kill("SIGINT");
    qmp.event("POWERDOWN");
  }
  // Two signals that come together are one.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  vm.kill("SIGINT");
  const { status, stderr } = await vm.ended();
  assertEquals([status.code, stderr], [1, "ukdeno: stopped without waiting for the guest\n"]);
});

Deno.test("a QEMU that goes: one line, and a failure", async () => {
  await using vm = VmAppliance.start();
  await vm.powered();
  {
    using qmp = vm.operate();
    qmp.execute("quit");
  }
  const { status, stderr } = await vm.ended();
  assertEquals([status.code, stderr], [1, "ukdeno: QEMU was stopped (host-qmp-quit)\n"]);
});

Deno.test("a hub that is taken: one line says what to do, and a failure", async () => {
  await using first = VmAppliance.start();
  await first.powered();
  await using second = VmAppliance.start(`--hub=${first.hub}`);
  const { status, stderr } = await second.ended();
  assertEquals(status.code, 1);
  assertMatch(stderr, /^ukdeno: hub ".*" is taken .*--hub=NAME[^\n]*\n$/);
});

Deno.test("a card that isn't there: one line, and a failure", async () => {
  await using vm = VmAppliance.start("--device=vfio:0000:00:17.0");
  const { status, stderr, console } = await vm.ended();
  assertEquals([status.code, stderr], [1, ""]);
  const lines = ownLines(console);
  assertEquals(lines.length, 1, console.join("\n"));
  assertMatch(lines[0], /^ukdeno: .*0000:00:17\.0/);
});

Deno.test("a kernel that has too little memory: one line says that it crashed", async () => {
  await using vm = VmAppliance.start("--memory=256");
  const { status, stderr, console } = await vm.ended();
  assertEquals([status.code, stderr], [1, "ukdeno: the guest's kernel has crashed\n"]);
  assertMatch(console.join("\n"), /Kernel panic/);
});

Deno.test("bad arguments need no machine to be refused: one line, status 2", async () => {
  await using vm = VmAppliance.start("--frobnicate");
  const { status, stderr, console } = await vm.ended();
  assertEquals([status.code, console], [2, []]);
  assertMatch(stderr, /^ukdeno: unknown flag --frobnicate [^\n]*\n$/);
});
