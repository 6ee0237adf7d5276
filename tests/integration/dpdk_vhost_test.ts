import { assertEquals } from "@std/assert";
import { HOST_IP } from "../stack/frames.ts";
import { Appliance, countersOf } from "./appliance.ts";
import { dpdkTest } from "./dpdk_testpmd.ts";
import { DpdkVhost, TestFolder } from "./dpdk_vhost.ts";

/** Of each of six lengths. */
const REQUESTS = 400;

for (const ring of ["split", "packed"]) {
  for (const mergeable of ["on", "off"]) {
    for (const client of [false, true]) {
      const how = `${ring} rings, mergeable buffers ${mergeable}, ` +
        (client ? "DPDK connects" : "DPDK listens");
      dpdkTest(`DPDK's net_vhost, ${how}: every reply is right`, async () => {
        await using folder = new TestFolder();
        await using dpdk = await DpdkVhost.start({
          folder: folder.path,
          client,
          requests: REQUESTS,
        });
        const device = `vhost-user:${dpdk.socket}${client ? ",server=on" : ""}` +
          (mergeable === "on" ? "" : ",mrg_rxbuf=off");
        await using appliance = new Appliance([
          `--device=${device}`,
          `--ip=${HOST_IP}/24`,
          `--ring=${ring}`,
        ]);
        await appliance.event("ready");
        await dpdk.connected();
        await dpdk.run();
        await dpdk.assertAnswered();
        const { status, stderr } = await appliance.stop();
        assertEquals([status.code, stderr], [0, ""]);
        const { netdev, host } = countersOf(await appliance.event("stopped"));
        assertEquals(host.echoRequestsAnswered, dpdk.exchanges.length);
        assertEquals(netdev.rxPackets, dpdk.exchanges.length);
        const drops = Object.entries({ ...netdev.drops, ...host.drops });
        assertEquals(drops.filter(([, count]) => count > 0), []);
        const told = await appliance.event("device");
        const features = told.features as readonly string[];
        assertEquals(features.includes("MRG_RXBUF"), mergeable === "on");
        assertEquals(features.includes("RING_PACKED"), ring === "packed");
      });
    }
  }
}

dpdkTest("DPDK's net_vhost with two pairs of queues: each pair answers for itself", async () => {
  await using folder = new TestFolder();
  await using dpdk = await DpdkVhost.start({
    folder: folder.path,
    client: false,
    requests: REQUESTS,
    queues: 2,
  });
  const place = [`--device=vhost-user:${dpdk.socket}`, `--ip=${HOST_IP}/24`];
  await using appliance = new Appliance([...place, "--queues=2"]);
  await appliance.event("ready");
  await dpdk.connected();
  await dpdk.run();
  await dpdk.assertAnswered();
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  const { netdev } = countersOf(await appliance.event("stopped"));
  const queues = netdev.rxQueues as unknown as readonly { readonly packets: number }[];
  const half = dpdk.exchanges.length / 2;
  assertEquals(queues.map(({ packets }) => packets), [half, half]);
});
