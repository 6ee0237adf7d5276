import { assertEquals, assertMatch } from "@std/assert";
import { Appliance, runMain, uniqueHub } from "./appliance.ts";

Deno.test("a kernel command line's netdev.ip: the address answers, the names are told", async () => {
  await using appliance = new Appliance([
    "netdev.ip=10.0.2.20/24:10.0.2.2:10.0.2.3::web:example.org",
  ]);
  assertEquals((await appliance.event("ready")).ip, "10.0.2.20/24");
  const { hostname, domain, dns } = await appliance.event("device");
  assertEquals([hostname, domain, dns], ["web", "example.org", ["10.0.2.3"]]);
  assertEquals((await appliance.event("gateway")).answered, true);
  const ping = await runMain(["ping", `--hub=${appliance.hub}`, "-c", "1", "10.0.2.20"]);
  assertEquals(ping.code, 0, ping.stdout);
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("netdev.ip needs no command in front of it", async () => {
  const { code, stdout, stderr } = await runMain([
    "netdev.ip=10.0.2.20/24::::web",
    "--duration=0.1",
    `--hub=${uniqueHub()}`,
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^host name web$/m);
  assertMatch(stdout, /^ready: 10\.0\.2\.20\/24 answers/m);
});
