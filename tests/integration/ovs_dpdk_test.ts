import { assertEquals, assertGreaterOrEqual, assertMatch } from "@std/assert";
import { Appliance, runMain } from "./appliance.ts";
import { OvsDpdk, ovsTest } from "./ovs_dpdk.ts";

const PINGS = 20;
const PINGED = new RegExp(`^(.* ttl=.*\\n){${PINGS}}`, "m");
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
    const { code, stdout, stderr } = await runMain(
      ["ping", ...places[client], "-c", "1500", "-i", "0.02", IPS[server]],
      { when: { printed: PINGED, act: (ping) => ping.kill("SIGINT") } },
    );
    assertEquals(code, 0);
    assertMatch(stderr, /^(ukdeno: waits for a back-end at vhost-user .*\n)?$/);
    // The switch loses frames while it sets itself up for a front-end that has just come, and none later.
    const sequences = [...stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, n]) => Number(n));
    assertEquals(sequences, sequences.map((_, i) => sequences[0] + i));
    // All has gone through the switch. It knows nothing of a port whose front-end has gone.
    const { rx, tx } = await ovs.portCounters(`v${server}`);
    assertGreaterOrEqual(Math.min(rx, tx), PINGS);
    const { status, stderr: complaints } = await appliance.stop();
    assertEquals([status.code, complaints], [0, ""]);
  }
});
