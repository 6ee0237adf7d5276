import { assert, assertEquals } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import type { NetdevStats } from "../../netdev/netdev_stats.ts";
import type { NapiCounters } from "../../netdev/polled_queue.ts";
import { Appliance, countersOf, eventually, type LogLine } from "./appliance.ts";
import { EchoFlood } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";

/** The lines in which the appliance told its counters. */
function told(appliance: Appliance): LogLine[] {
  return appliance.lines.filter(({ event }) => event === "counters");
}

Deno.test("SIGUSR2: an appliance that sleeps tells its counters at once, and goes on", async () => {
  await using appliance = new Appliance();
  await appliance.event("gateway");
  for (const count of [1, 2]) {
    appliance.kill("SIGUSR2");
    await eventually("counters are told", () => told(appliance).length === count);
  }
  const counters = countersOf(told(appliance)[0]);
  assertEquals(counters.host.echoRepliesReceived, 1);
  const { rxPackets, rxQueues } = counters.netdev as unknown as NetdevStats;
  assertEquals(rxQueues.map(({ packets, ring }) => ({ packets, size: ring?.size })), [
    { packets: rxPackets, size: 256 },
  ]);
  const { rxPolls, ...rest } = counters.interface as Record<string, unknown>;
  const [{ packets }] = rxPolls as NapiCounters[];
  assertEquals(packets, rxPackets);
  assertEquals(rest, {
    resets: 0,
    unplugs: 0,
    plugs: 0,
    drops: { tx_ring_full: 0, tx_suspended: 0 },
  });
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
});

Deno.test("SIGUSR2 again and again while frames pass: no system call minds, none is lost", async () => {
  // Without busy polling it looks at its descriptors after every frame, which is when signals hurt.
  await using appliance = new Appliance(["--busy-poll=0"]);
  await appliance.event("ready");
  const { socket, headerSent } = await connectHub(appliance.hub);
  using port = new StreamPort(socket, headerSent);
  const flood = new EchoFlood(port);
  const script = `for i in $(seq 1500); do kill -USR2 ${appliance.pid}; done`;
  await using killer = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "sh", "-c", script],
  }).spawn();
  let killing = true;
  const killed = killer.status.then(() => killing = false);
  let sent = 0;
  let replies = 0;
  while (killing) {
    sent += 4;
    replies += flood.run(4).replies;
    // The appliance waits for whoever reads its log, and that's this process, too.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await killed;
  assertEquals(replies, sent);
  const { status, stderr } = await appliance.stop();
  assertEquals(status.code, 0, stderr);
  assert(told(appliance).length > 0);
});
