import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { Appliance, runMain } from "./appliance.ts";
import { OvsDpdk, ovsTest } from "./ovs_dpdk.ts";
import { pingSummary } from "./ping_summary.ts";

const PINGS = 20;
/** The switch may lose frames while it sets itself up for a port whose front-end has just come. */
const LOST = 2;
const IPS = ["10.9.0.1", "10.9.0.2"];

ovsTest("two appliances on a bridge of OVS-DPDK ping each other", async () => {
  await using ovs = await OvsDpdk.start();
  const sockets = [await ovs.addPort("v0"), await ovs.addPort("v1")];
  const places = sockets.map((socket, i) => [
    `--device=vhost-user:${socket},server=on`,
    `--ip=${IPS[i]}/24`,
  ]);
  for (const [server, client] of [[0, 1], [1, 0]]) {
    await using appliance = new Appliance(places[server]);
    await appliance.event("ready");
    const count = ["-c", `${PINGS}`, "-i", "0.02"];
    const { code, stdout, stderr } = await runMain([
      ...["ping", ...places[client], ...count],
      IPS[server],
    ]);
    assertEquals(code, 0);
    assertMatch(stderr, /^(ukdeno: waits for a back-end at vhost-user .*\n)?$/);
    assertGreater(pingSummary(stdout).received, PINGS - 1 - LOST);
    // All has gone through the switch. It knows nothing of a port whose front-end has gone.
    const { rx, tx } = await ovs.portCounters(`v${server}`);
    assertGreater(Math.min(rx, tx), PINGS - 1 - LOST);
    const { status, stderr: complaints } = await appliance.stop();
    assertEquals([status.code, complaints], [0, ""]);
  }
});
