import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { Appliance, countersOf } from "./appliance.ts";
import { EchoFlood } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";
import { cpuSeconds, residentBytes } from "./proc.ts";

const MIB = 2 ** 20;

Deno.test("idle for 10 s: under 1 % of a core", async () => {
  await using appliance = new Appliance();
  const { pid } = await appliance.event("device");
  await appliance.event("gateway");
  // The second ARP announcement and the compiler's last work are over then.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  let own = Infinity;
  // On a slow machine that isn't so, nor for the collector's; but both come to an end.
  for (let time = 0; time < 3 && own >= 1; time++) {
    const started = performance.now();
    const before = [cpuSeconds(appliance.pid), cpuSeconds(pid as number)];
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const seconds = (performance.now() - started) / 1000;
    const [deno, qemu] = [appliance.pid, pid as number].map((process, i) =>
      100 * (cpuSeconds(process) - before[i]) / seconds
    );
    console.log(`idle: deno ${deno.toFixed(2)} % of a core, QEMU ${qemu.toFixed(2)} %`);
    own = deno;
  }
  assertLess(own, 1);
  await appliance.stop();
});

Deno.test("flood of 200,000 echoes: every reply right, memory flat", async () => {
  await using appliance = new Appliance();
  await appliance.event("ready");
  const { socket, headerSent } = await connectHub(appliance.hub);
  using port = new StreamPort(socket, headerSent);
  const flood = new EchoFlood(port);
  assertEquals(flood.run(50_000).wrong, 0);
  const warm = residentBytes(appliance.pid);
  const { replies, wrong, milliseconds } = flood.run(200_000);
  const grown = residentBytes(appliance.pid) - warm;
  assertEquals(replies, 200_000);
  assertEquals(wrong, 0);
  console.log(
    `flood: ${Math.round(replies / milliseconds)} thousand echoes a second through the hub, ` +
      `memory ${(warm / MIB).toFixed(1)} MiB ${grown < 0 ? "-" : "+"} ${
        (Math.abs(grown) / MIB).toFixed(1)
      } MiB`,
  );
  // A frame of 98 bytes that is left behind by each would be 19 MiB; V8 takes and gives as it likes.
  assertLess(grown, 16 * MIB);
  const { status } = await appliance.stop();
  assertEquals(status.code, 0);
  const stopped = await appliance.event("stopped");
  const { echoRequestsAnswered, drops } = countersOf(stopped).host;
  assertEquals(echoRequestsAnswered, 250_001);
  assertEquals(drops, {});
});

Deno.test("--duration ends on time under a flood, with status 0", async () => {
  await using appliance = new Appliance(["--duration=3"]);
  await appliance.event("ready");
  const { socket, headerSent } = await connectHub(appliance.hub);
  using port = new StreamPort(socket, headerSent);
  const replies = new EchoFlood(port).runUntilGone();
  assertGreater(replies, 0);
  const { status, stderr } = await appliance.ended();
  assertEquals(status.code, 0, stderr);
  const { seconds } = await appliance.event("stopped");
  assert(typeof seconds === "number");
  console.log(`duration: 3 s asked for, ${seconds.toFixed(3)} s run, ${replies} replies`);
  // A busy machine may let it come to that late, but not much.
  assert(seconds >= 3 && seconds < 15, `${seconds} s`);
});
