import { assertEquals, assertMatch } from "@std/assert";
import { countersOf, runMain } from "../integration/appliance.ts";
import { buildImage, Microvm, type MicrovmOptions } from "./microvm.ts";

const ADDRESS = "10.0.2.15/24";

/** The last of its eight places is the first to be filled. */
const LOCATION = "mmio 0xfeb00e00";

interface Machine {
  readonly what: string;
  readonly options: MicrovmOptions;
  readonly args: readonly string[];
  /** Of its rings. */
  readonly entries: number;
}

const MACHINES: readonly Machine[] = [
  {
    what: "it finds the card of a microvm, and makes do with what memory there is",
    options: { legacy: false },
    args: ["--device=mmio"],
    entries: 256,
  },
  {
    what: "it's told of a card with legacy registers, and has huge pages for large rings",
    options: { legacy: true, parameters: ["hugepages=6"] },
    args: ["--device=mmio:0xfeb00e00", "--ring-size=1024"],
    entries: 1024,
  },
];

for (const { what, options, args, entries } of MACHINES) {
  Deno.test(`in a VM without PCI ${what}`, async () => {
    await buildImage();
    await using vm = new Microvm(options, ["--log=json", `--ip=${ADDRESS}`, ...args]);
    const device = await vm.event("device");
    assertEquals([device.driver, device.location, device.rx], ["virtio-net", LOCATION, entries]);
    await vm.event("ready");
    const ping = ["ping", `--device=${vm.network}`, "--ip=10.0.2.100/24", "-c", "20", "-i", "0.02"];
    const { code, stdout } = await runMain([...ping, "10.0.2.15"]);
    assertMatch(stdout, /^20 packets transmitted, 20 received, 0% packet loss/m);
    assertEquals(code, 0);
    await vm.type("poweroff");
    const stopped = await vm.event("stopped");
    const { host, netdev } = countersOf(stopped);
    assertEquals([host.echoRequestsAnswered, netdev.interrupts], [20, 0]);
    const end = await vm.ended();
    assertEquals(end.code, 0, end.text);
  });
}
