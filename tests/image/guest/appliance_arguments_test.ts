import { assertEquals, assertThrows } from "@std/assert";
import { applianceArguments, needsVfio } from "../../../image/guest/appliance_arguments.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";

const BOOT = "console=ttyS0 quiet rdinit=/bin/deno";

Deno.test("without arguments the appliance serves the first card by vfio", () => {
  assertEquals(applianceArguments([], `${BOOT} -- run /app/init.js\n`), ["--device=vfio"]);
});

Deno.test("a device that was asked for is the only one", () => {
  for (const args of [["--device=mmio"], ["--device", "mmio"], ["info", "--device=vfio:00:05.0"]]) {
    assertEquals(applianceArguments(args, BOOT), args);
  }
});

Deno.test("addresses of the kernel's command line are arguments of serve and info", () => {
  const line =
    `${BOOT} netdev.ip=10.0.2.15/24:10.0.2.2 netdev.ip=[192.0.2.1/24] -- netdev.ip=1.2.3.4/8`;
  const addresses = ["netdev.ip=10.0.2.15/24:10.0.2.2", "netdev.ip=192.0.2.1/24"];
  assertEquals(applianceArguments(["--mtu=900"], line), [
    "--mtu=900",
    "--device=vfio",
    ...addresses,
  ]);
  assertEquals(applianceArguments(["info"], line), ["info", "--device=vfio", ...addresses]);
});

Deno.test("ping has the first of them as its own address, unless it has one", () => {
  const line = `${BOOT} netdev.ip=10.0.2.15/24:10.0.2.2`;
  assertEquals(applianceArguments(["ping", "10.0.2.2"], line), [
    "ping",
    "10.0.2.2",
    "--device=vfio",
    "--ip=10.0.2.15/24",
  ]);
  const own = ["ping", "--ip=10.0.2.9/24", "--device=vfio", "10.0.2.2"];
  assertEquals(applianceArguments(own, line), own);
});

Deno.test("a command line that can't be read is refused", () => {
  assertThrows(() => applianceArguments([], `${BOOT} "x`), NetdevError);
});

Deno.test("VFIO is needed for its devices only", () => {
  for (const args of [["--device=vfio"], ["--device=mmio", "--device=vfio:00:04.0"]]) {
    assertEquals(needsVfio(args), true);
  }
  assertEquals(needsVfio(["--device", "vfio"]), true);
  for (const args of [[], ["--device=mmio"], ["--hub=vfio"], ["--hub", "vfio"]]) {
    assertEquals(needsVfio(args), false);
  }
});
