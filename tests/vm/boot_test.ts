import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { NIC_ID, NIC_PORT } from "../../drivers/pci/qemu/qemu_command_line.ts";
import type { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { NIC_SLOT } from "../../image/vm_command_line.ts";
import { countersOf, runMain } from "../integration/appliance.ts";
import { EchoFlood } from "../integration/echo_flood.ts";
import { HOST_MAC } from "../stack/frames.ts";
import { VmAppliance } from "./vm_appliance.ts";

const WARM_UP = 20_000;
const ECHOES = 100_000;
/** So many requests are on the way at any time: there's always work. */
const OUTSTANDING = 64;

/** What `device_add` has to say of a card like the first. */
const CARD = {
  driver: "virtio-net-pci",
  id: NIC_ID,
  netdev: NIC_PORT,
  bus: NIC_SLOT,
  mac: HOST_MAC,
  "disable-legacy": "on",
  iommu_platform: "on",
  romfile: "",
};

/** Pulls the card, and waits until QEMU has let go of it: it says so of each part of the card. */
function pull(qmp: QmpClient): void {
  qmp.execute("device_del", { id: NIC_ID });
  for (let deleted: unknown = null; deleted !== NIC_ID;) {
    deleted = (qmp.event("DEVICE_DELETED").data as { device?: string }).device;
  }
}

async function isPinged(vm: VmAppliance, count: number): Promise<boolean> {
  const args = ["ping", `--hub=${vm.hub}`, "-c", `${count}`, "-i", "0.1"];
  const { stdout, stderr } = await runMain(args);
  assertEquals(stderr, "");
  return stdout.includes(`${count} packets transmitted, ${count} received, 0% packet loss`);
}

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
  const figures: string[] = [];

  await t.step("it's ready, and the gateway answers a ping from inside", async () => {
    const ready = await vm.event("ready");
    assertEquals([ready.device, ready.driver, ready.ip], ["net0", "virtio-net", "10.0.2.15/24"]);
    await vm.event("gateway");
  });

  await t.step("a peer on the hub pings it", async () => {
    assert(await isPinged(vm, 3));
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
      assert(await isPinged(vm, 10));
      const after = interruptCounts(await vm.command("report"));
      const grown = [...after].map(([name, count]) => count - (before.get(name) ?? 0));
      // A busy machine has some of them come together; one and another say that it was armed again.
      assert(Math.max(...grown) >= 2, `${grown}`);
    },
  );

  await t.step(`over ${ECHOES} echoes it makes no system call a packet`, async () => {
    using port = await vm.port();
    const flood = new EchoFlood(port, { outstanding: OUTSTANDING });
    assertEquals(flood.run(WARM_UP).wrong, 0);
    const started = performance.now();
    await vm.command("trace on");
    const { replies, wrong, milliseconds } = flood.run(ECHOES);
    const calls = await vm.numbers("trace off");
    const traced = performance.now() - started;
    const total = calls.get("syscalls") ?? NaN;
    figures.push(
      `system calls in the VM: ${total} over ${replies} echoes, ${
        (total / replies).toFixed(4)
      } each, ` +
        `${Math.round(replies / milliseconds)} thousand echoes a second`,
    );
    const most = [...calls].slice(0, 6).map(([name, count]) => `${name} ${count}`).join(", ");
    assertEquals([replies, wrong], [ECHOES, 0]);
    // Once in a millisecond the loop looks for interrupts, and once in ten Deno's event loop has its
    // turn, in a few calls: that goes by the time, however many packets there are.
    const looks = calls.get("syscall poll") ?? 0;
    assert(looks > 0 && looks < traced + 100, `${looks} in ${traced} ms`);
    assertLess(total - looks, 0.005 * replies + traced, most);
  });

  await t.step("the card is pulled and put back: told, and it's pinged again", async () => {
    {
      using qmp = vm.operate();
      pull(qmp);
      assertEquals((await vm.event("unplugged")).unplugs, 1);
      qmp.execute("device_add", CARD);
      assertEquals((await vm.event("plugged")).plugs, 1);
    }
    assert(await isPinged(vm, 3));
  });

  await t.step("the power button stops it: counters, status 0", async () => {
    using qmp = vm.operate();
    qmp.execute("system_powerdown");
    const { status, console } = await vm.ended();
    assertEquals(status.code, 0, console.join("\n"));
    const { host, interface: { plugs } } = countersOf(await vm.event("stopped"));
    assertGreater(host.echoRequestsAnswered, ECHOES);
    assertEquals([plugs, host.drops], [1, {}]);
  });

  console.log(figures.join("\n"));
});
