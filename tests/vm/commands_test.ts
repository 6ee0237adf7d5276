import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { countersOf } from "../integration/appliance.ts";
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

Deno.test("a ping that nobody answers ends with status 1, and no other word", async () => {
  await using vm = VmAppliance.start("ping", "-c", "1", "10.0.2.77");
  const { status, stderr, console } = await vm.ended();
  assertEquals([status.code, stderr], [1, ""]);
  assertMatch(console.join("\n"), /^1 packets transmitted, 0 received, 100% packet loss/m);
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

Deno.test("SIGTERM to the task stops the guest: counters, status 0", async () => {
  await using vm = await VmAppliance.serve();
  vm.kill("SIGTERM");
  const { status, stderr } = await vm.ended();
  assertEquals([status.code, stderr], [0, ""]);
  const { host } = countersOf(await vm.event("stopped"));
  assertGreater(host.arpAnnouncementsSent, 0);
});

Deno.test("an 8255x by VFIO: it's pinged on the hub, and its interrupt pin is used", async () => {
  await using vm = await VmAppliance.serve("--device=i82550");
  const { driver } = await vm.event("ready");
  assertEquals(driver, "e100");
  await vm.event("gateway");
  const report = await vm.command("report");
  assertEquals(report.filter((line) => /^nic .* vfio-pci$/.test(line)).length, 1);
  assertEquals(report.filter((line) => /^interrupt .* vfio-intx/.test(line)).length, 1);
  await vm.command("poweroff");
  assertEquals((await vm.ended()).status.code, 0);
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
