import { assertEquals, assertMatch } from "@std/assert";
import { NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { packetSocket, receivedAsPcap } from "../linux/packet_socket.ts";
import { Appliance, countersOf } from "./appliance.ts";
import { Capture } from "./capture.ts";
import { TAP } from "./devices.ts";
import { pingSummary } from "./ping_summary.ts";

const RANGE = "10.9.0.0-10.9.255.255";
const LINUX_IP = "10.10.0.1";

tapTest(
  "an appliance that is 65,536 hosts is found by Linux at each, and nowhere else",
  async () => {
    using linux = new NetworkNamespace();
    const flags = [`--device=tap:${TAP}`, `--ip=${RANGE}`];
    await using appliance = new Appliance(flags, { within: linux.prefix });
    const ready = await appliance.event("ready");
    assertEquals([ready.ip, ready.addresses], [`${RANGE}/14`, 65_536]);
    assertEquals(ready.mac, "02:75:0a:09:00:00");
    await linux.ip("addr", "add", `${LINUX_IP}/14`, "dev", TAP);

    using socket = linux.run(() => packetSocket(TAP, true));
    const some = Array.from({ length: 200 }, (_, i) => {
      // Odd, so that they're all over the range, its first address and its last included.
      const low = i === 199 ? 0xffff : i * 40_503 & 0xffff;
      return `10.9.${low >>> 8}.${low & 255}`;
    });
    const fping = ["fping", "-q", "-c", "1", "-t", "10000", ...some];
    const { stderr } = await linux.exec(...fping);
    assertEquals(stderr.match(/xmt\/rcv\/%loss = 1\/1\/0%/g)?.length, some.length, stderr);
    for (const other of ["10.8.255.255", "10.10.0.0"]) {
      const { code, stdout } = await linux.exec("arping", "-c", "1", "-w", "1", "-I", TAP, other);
      assertEquals(code, 1, stdout);
      assertMatch(stdout, /^Received 0 response/m);
    }

    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-ranges-" });
    const file = `${folder}/tap.pcap`;
    await Deno.writeFile(file, receivedAsPcap(socket));
    const capture = await Capture.read(file);
    await Deno.remove(folder, { recursive: true });
    const replies = capture.where((frame) => frame.icmpType === "0");
    assertEquals(replies.map(({ ipSource }) => ipSource).toSorted(), some.toSorted());
    for (const reply of replies) assertEquals([reply.ipChecksum, reply.icmpChecksum], ["1", "1"]);

    const { status, stderr: complaints } = await appliance.stop();
    assertEquals([status.code, complaints], [0, ""]);
    const { host } = countersOf(await appliance.event("stopped"));
    assertEquals([host.arpAnnouncementsSent, host.arpRequestsAnswered], [0, 200]);
  },
);

tapTest("a single device has all of the --ip that it's given", async () => {
  using linux = new NetworkNamespace();
  const ips = ["--ip=192.0.2.9/24", "--ip=198.51.100.7/24", "--ip=10.9.0.1-10.9.0.9/24"];
  const flags = [`--device=tap:${TAP}`, ...ips];
  await using appliance = new Appliance(flags, { within: linux.prefix });
  assertEquals((await appliance.event("ready")).addresses, 11);
  for (const net of ["192.0.2.1/24", "198.51.100.1/24", "10.9.0.100/24"]) {
    await linux.ip("addr", "add", net, "dev", TAP);
  }
  for (const own of ["192.0.2.9", "198.51.100.7", "10.9.0.1", "10.9.0.9"]) {
    const output = await linux.must("ping", "-c", "2", "-l", "2", "-i", "5", own);
    assertEquals(pingSummary(output), { sent: 2, received: 2, trouble: [] });
  }
  await appliance.stop();
});
