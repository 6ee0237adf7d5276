import { assertEquals, assertMatch } from "@std/assert";
import { countersOf, runMain } from "../integration/appliance.ts";
import { buildImage, Microvm, type MicrovmOptions } from "./microvm.ts";

const ADDRESS = "10.0.2.15/24";

/** The last of its eight places is the first to be filled. */
const LOCATION = "mmio 0xfeb00e00";

/** Boots a microvm whose card is this device, pings it, and switches it off. */
async function serveOnMicrovm(
  options: MicrovmOptions,
  args: readonly string[],
  entries: number,
): Promise<void> {
  await using vm = new Microvm(options, ["--log=json", `--ip=${ADDRESS}`, ...args]);
  const device = await vm.event("device");
  assertEquals([device.driver, device.location, device.rx], ["virtio-net", LOCATION, entries]);
  await vm.event("ready");
  // Few, as the first one waits for code that was never run, and others would wait for it.
  const ping = ["ping", `--device=${vm.network}`, "--ip=10.0.2.100/24", "-c", "5", "-i", "0.4"];
  const { code, stdout } = await runMain([...ping, "10.0.2.15"]);
  assertMatch(stdout, /^5 packets transmitted, 5 received, 0% packet loss/m);
  assertEquals(code, 0);
  await vm.type("poweroff");
  const { host, netdev } = countersOf(await vm.event("stopped"));
  assertEquals([host.echoRequestsAnswered, netdev.interrupts], [5, 0]);
  const { status, console, stderr } = await vm.ended();
  assertEquals(status.code, 0, [...console, stderr].join("\n"));
}

Deno.test("in a VM without PCI a card is found, or its place told, whatever memory there is for it", async () => {
  await buildImage();
  await Promise.all([
    serveOnMicrovm({ legacy: false }, ["--device=mmio"], 256),
    serveOnMicrovm(
      { legacy: true, parameters: ["hugepages=6"] },
      ["--device=mmio:0xfeb00e00", "--ring-size=1024"],
      1024,
    ),
  ]);
});
