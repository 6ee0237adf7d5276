import { assert, assertEquals, assertMatch } from "@std/assert";
import { Appliance, runMain, uniqueHub } from "./appliance.ts";

Deno.test("ping: exits with 1 when nothing answers, and says who is unreachable", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const result = await runMain(["ping", `--hub=${appliance.hub}`, "-c", "1", "10.0.2.77"]);
  assertEquals(result.code, 1, result.stderr);
  assertEquals(result.stderr, "");
  assertMatch(result.stdout, /^From 10\.0\.2\.100 icmp_seq=1 Destination Host Unreachable$/m);
  assertMatch(result.stdout, /^1 packets transmitted, 0 received, 100% packet loss, time \d+ms$/m);
  await appliance.stop();
});

Deno.test("ping: two at once over one hub both get their replies", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const pings = await Promise.all([
    runMain(["ping", `--hub=${appliance.hub}`, "-c", "5", "-i", "0.2"]),
    runMain(["ping", `--hub=${appliance.hub}`, "--ip=10.0.2.101/24", "-c", "5", "-i", "0.2"]),
  ]);
  for (const { code, stdout, stderr } of pings) {
    assertEquals(code, 0, stdout + stderr);
    assertMatch(stdout, /^5 packets transmitted, 5 received, 0% packet loss/m);
  }
  await appliance.stop();
});

Deno.test("ping: Ctrl-C ends it with the summary", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { code, stdout, stderr } = await runMain(
    ["ping", `--hub=${appliance.hub}`, "-i", "0.1"],
    { when: { printed: /icmp_seq=3 /, act: (ping) => ping.kill("SIGINT") } },
  );
  assertEquals(code, 0, stdout + stderr);
  assertMatch(stdout, /^\d+ packets transmitted, \d+ received, \d+% packet loss, time \d+ms$/m);
  await appliance.stop();
});

Deno.test("ping: without an appliance one line says how to start one", async () => {
  const { code, stderr } = await runMain(["ping", `--hub=${uniqueHub()}`]);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^ukdeno: no appliance with hub ".*" is running here: .*deno task start.*\n$/,
  );
});

Deno.test("ping: the appliance goes while it pings", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { code, stdout, stderr } = await runMain(
    ["ping", `--hub=${appliance.hub}`, "-i", "0.05"],
    { when: { printed: /icmp_seq=3 /, act: () => appliance.kill("SIGINT") } },
  );
  assertEquals(code, 0, "something was answered");
  assertMatch(stderr, /^ukdeno: the appliance has gone: .*\n$/);
  assert(stdout.includes("ping statistics"));
});
