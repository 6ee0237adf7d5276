import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { countersOf, runMain } from "../integration/appliance.ts";
import { EchoFlood } from "../integration/echo_flood.ts";
import { VmAppliance } from "./vm_appliance.ts";

const WARM_UP = 20_000;
const ECHOES = 100_000;
/** So many requests are on the way at any time: there's always work. */
const OUTSTANDING = 64;

/** Counts of the card's interrupts by what they're for: MSI-X vectors by their numbers. */
function interruptCounts(report: readonly string[]): Map<string, number> {
  const lines = report.filter((line) => line.startsWith("interrupt "));
  return new Map(lines.map((line) => {
    const [, , count, name] = line.split(" ");
    return [name, Number(count)];
  }));
}

Deno.test("the task boots a machine in which the appliance is all there is", async (t) => {
  // Longer than the pauses of who floods it: to sleep between two requests is not to be busy.
  await using vm = VmAppliance.task("--log=json", "--busy-poll=20000");

  await t.step("it's ready, and the gateway answers a ping from inside", async () => {
    const ready = await vm.event("ready");
    assertEquals([ready.device, ready.driver, ready.ip], ["net0", "virtio-net", "10.0.2.15/24"]);
    await vm.event("gateway");
  });

  await t.step("a peer on the hub pings it", async () => {
    const { code, stdout, stderr } = await runMain([
      "ping",
      `--hub=${vm.hub}`,
      "-c",
      "3",
      "-i",
      "0.1",
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^3 packets transmitted, 3 received, 0% packet loss/m);
  });

  await t.step("one process, no interface but lo, and the card is VFIO's", async () => {
    const report = await vm.command("report");
    const of = (name: string): string[] => report.filter((line) => line.startsWith(`${name} `));
    assertEquals(of("processes"), ["processes 1"]);
    assertMatch(of("process")[0], /^process 1 deno /);
    assertEquals(of("interface"), ["interface lo"]);
    assertEquals(of("nic").map((line) => line.split(" ").slice(2)), [["1af4:1041", "vfio-pci"]]);
  });

  await t.step(
    "requests that come one by one interrupt, by the vector of their queue",
    async () => {
      const before = interruptCounts(await vm.command("report"));
      assertEquals(before.size, 3, "configuration, and a queue each way");
      const { code } = await runMain(["ping", `--hub=${vm.hub}`, "-c", "10", "-i", "0.1"]);
      assertEquals(code, 0);
      const grown = [...interruptCounts(await vm.command("report"))].filter(([name, count]) =>
        count > (before.get(name) ?? 0)
      );
      assertEquals(
        grown.length,
        1,
        "the receive queue's alone: others are masked, or have no news",
      );
      assert(grown[0][1] >= 10, `${grown}`);
    },
  );

  await t.step(`over ${ECHOES} echoes it makes no system call a packet`, async () => {
    using port = await vm.port();
    const flood = new EchoFlood(port, { outstanding: OUTSTANDING });
    assertEquals(flood.run(WARM_UP).wrong, 0);
    await vm.command("trace on");
    const { replies, wrong, milliseconds } = flood.run(ECHOES);
    const calls = await vm.numbers("trace off");
    const total = calls.get("syscalls") ?? NaN;
    console.log(
      `system calls in the VM: ${total} over ${replies} echoes, ${
        (total / replies).toFixed(4)
      } each, ` +
        `${Math.round(replies / milliseconds)} thousand echoes a second`,
    );
    assertEquals([replies, wrong], [ECHOES, 0]);
    // Once in a millisecond the loop looks for interrupts, however many packets there are.
    const looks = calls.get("syscall poll") ?? 0;
    assert(looks > 0 && looks < milliseconds + 100, `${looks} in ${milliseconds} ms`);
    assertLess((total - looks) / replies, 0.005);
    assertEquals(Math.round(total / replies), 0);
  });

  await t.step("the power button stops it: counters, status 0", async () => {
    using qmp = vm.operate();
    qmp.execute("system_powerdown");
    const { status, console } = await vm.ended();
    assertEquals(status.code, 0, console.join("\n"));
    const { host } = countersOf(await vm.event("stopped"));
    assertGreater(host.echoRequestsAnswered, ECHOES);
    assertEquals(host.drops, {});
  });
});
