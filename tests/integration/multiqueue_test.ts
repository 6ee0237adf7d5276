import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { NetdevStats } from "../../netdev/netdev_stats.ts";
import { type NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { HOST_IP } from "../stack/frames.ts";
import { Appliance, countersOf, runMain } from "./appliance.ts";
import { pingSummary } from "./ping_summary.ts";
import { inNamespaceWithLinux, QUEUES, SERVE } from "./multiqueue_tap.ts";

const PEERS = Array.from({ length: 16 }, (_, i) => `10.0.2.${100 + i}`);

/**
 * Pings from each of Linux's addresses, all at the same time; how many requests were sent. ping doesn't
 * wait long for its last replies, so the appliance's counters have to say whether there were any; one
 * more ping, which does wait, comes before all of them, and one behind.
 */
async function pingFromAll(
  linux: NetworkNamespace,
  count: number,
  ...flags: string[]
): Promise<number> {
  // Linux keeps only so many packets for a neighbour whose MAC address it has to ask for.
  await linux.must("ping", "-q", "-c", "1", "-W", "20", "-I", PEERS[0], HOST_IP);
  await Promise.all(PEERS.map(async (peer) => {
    const ping = ["ping", "-q", ...flags, "-c", `${count}`, "-I", peer, HOST_IP];
    const { stdout } = await linux.exec(...ping);
    const { sent, received, trouble } = pingSummary(stdout);
    assertEquals([sent, trouble], [count, []], stdout);
    assertGreater(received, 0, stdout);
  }));
  await linux.must("ping", "-q", "-c", "1", "-W", "20", "-I", PEERS[0], HOST_IP);
  return count * PEERS.length + 2;
}

/** The counters at the end, when so many echo requests had come; nothing may have been dropped. */
async function stoppedStats(appliance: Appliance, echoes: number): Promise<NetdevStats> {
  const { status, stderr } = await appliance.stop();
  assertEquals([status.code, stderr], [0, ""]);
  const { netdev, host, interface: between } = countersOf(await appliance.event("stopped"));
  assertEquals(Object.values(netdev.drops).filter((count) => count !== 0), []);
  assertEquals(Object.values(between.drops).filter((count) => count !== 0), []);
  assertEquals(host.echoRequestsAnswered, echoes, "each request is answered once");
  return netdev as unknown as NetdevStats;
}

function packetsOf(queues: NetdevStats["rxQueues"]): number[] {
  return queues.map(({ packets }) => packets);
}

tapTest(
  "4 queue pairs on a TAP: flows arrive on several queues, and every echo is answered",
  async () => {
    await inNamespaceWithLinux(PEERS, async (linux) => {
      await using appliance = new Appliance(SERVE, { within: linux.prefix });
      await appliance.event("ready");
      assertEquals((await appliance.event("device")).queues, QUEUES);
      const echoes = await pingFromAll(linux, 50, "-i", "0.005");
      const { rxQueues, txQueues } = await stoppedStats(appliance, echoes);
      console.log(`4 pairs: received by ${packetsOf(rxQueues)}, sent by ${packetsOf(txQueues)}`);
      assertEquals([rxQueues.length, txQueues.length], [QUEUES, QUEUES]);
      const busy = rxQueues.filter(({ packets, interrupts }) => packets > 50 && interrupts > 0);
      assertGreater(busy.length, 1, "Linux spreads flows over the queues of a TAP");
      // Queue 0 sends the host's own frames too.
      for (const queue of [1, 2, 3]) {
        assertEquals(
          txQueues[queue].packets,
          rxQueues[queue].packets,
          "a reply leaves where it came",
        );
      }
    });
  },
);

tapTest("4 queue pairs: floods from 16 addresses at once are answered whole", async () => {
  await inNamespaceWithLinux(PEERS, async (linux) => {
    await using appliance = new Appliance(SERVE, { within: linux.prefix });
    await appliance.event("ready");
    await stoppedStats(appliance, await pingFromAll(linux, 2000, "-f"));
  });
});

tapTest("info shows 4 queues of 4, and a vector of each", async () => {
  await inNamespaceWithLinux([], async (linux) => {
    const args = SERVE.filter((arg) => !arg.startsWith("--ip"));
    const { code, stdout, stderr } = await runMain(["info", ...args], { within: linux.prefix });
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^ {2}RX: +4 of 4$/m);
    assertMatch(stdout, /^ {2}TX: +4 of 4$/m);
    for (let queue = 0; queue < QUEUES; queue++) {
      assertMatch(stdout, new RegExp(`^  RX ${queue}: +256 of 256$`, "m"));
      assertMatch(stdout, new RegExp(`^  msi-x ${1 + 2 * queue}: +receive queue ${queue}$`, "m"));
      assertMatch(stdout, new RegExp(`^  rx_queue_${queue}_packets: +0$`, "m"));
    }
    assertMatch(stdout, /^ {2}MQ: +on$/m);
  });
});

tapTest(
  "a device with fewer queues than asked for ends with a line that says how many",
  async () => {
    await inNamespaceWithLinux([], async (linux) => {
      const device = "--device=qemu:virtio-net-pci,mq=off";
      const { code, stderr } = await runMain(["serve", ...SERVE, device], { within: linux.prefix });
      assertEquals([code, stderr], [1, "ukdeno: net0 has one queue each way: 4 can't be had\n"]);
    });
  },
);

tapTest("16 queue pairs answer as well", async () => {
  await inNamespaceWithLinux(PEERS, async (linux) => {
    const args = SERVE.map((arg) => arg.replace("--queues=4", "--queues=16"));
    await using appliance = new Appliance(args, { within: linux.prefix });
    await appliance.event("ready");
    const echoes = await pingFromAll(linux, 10, "-i", "0.005");
    const { rxQueues } = await stoppedStats(appliance, echoes);
    assertEquals(rxQueues.length, 16);
    assert(rxQueues.filter(({ packets }) => packets > 0).length > 1, `${packetsOf(rxQueues)}`);
  });
});

tapTest("queues that there's no memory for end with a line that says what to do", async () => {
  await inNamespaceWithLinux([], async (linux) => {
    const args = SERVE.map((arg) => arg.replace("--queues=4", "--queues=16"));
    const device = "--device=qemu:virtio-net-pci,mrg_rxbuf=off";
    const { code, stderr } = await runMain(["serve", ...args, device, "--mtu=9000"], {
      within: linux.prefix,
    });
    assertEquals([code, stderr], [
      1,
      "ukdeno: net0 has no memory for netbufs of 9088 bytes for 16 queues each way: " +
      "fewer queues, smaller rings or a smaller MTU need less\n",
    ]);
  });
});
