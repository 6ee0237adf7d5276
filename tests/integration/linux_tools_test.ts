import { assert, assertEquals, assertMatch } from "@std/assert";
import { type NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { packetSocket, receivedAsPcap } from "../linux/packet_socket.ts";
import { HOST_IP, HOST_MAC } from "../stack/frames.ts";
import { countersOf } from "./appliance.ts";
import { Capture } from "./capture.ts";
import { DEVICES, TAP } from "./devices.ts";
import { LinuxPair } from "./linux_pair.ts";
import { meanOf, median, pingSummary } from "./ping_summary.ts";

const LINUX_IP = "10.0.2.2";
const NOBODY_IP = "10.0.2.77";
const SIZES = [0, 1, 7, 55, 56, 1472];

/** Octets of the shortest frame without checksum (IEEE 802.3 §4A.4.2: 64 with it). */
const MIN_FRAME = 60;

const FLOOD_PINGS = 20_000;
const ROUNDS = 3;
/** Mean of a Linux guest under TCG on QEMU's TAP (busybox, virtio_net.ko), measured elsewhere. */
const LINUX_GUEST_US = 66;

/** One of Linux's tools, and what it must find. */
interface Tool {
  readonly name: string;
  run(linux: NetworkNamespace): Promise<void>;
}

const TOOLS: readonly Tool[] = [
  { name: "ping -c 100 -i 0.01", run: pingsFast },
  { name: "ping -f -c 20000", run: pingFloods },
  { name: "ping of all sizes, judged by tshark on the way", run: capturedPings },
  { name: "ping of every size from 0 to 1472, in steps of 23", run: pingSizes },
  { name: "arping", run: arpings },
  { name: "arping -D finds the address taken", run: arpingDetects },
  { name: "fping", run: fpings },
  { name: "nmap -sn", run: nmapScans },
  { name: "arp-scan finds one host, once", run: arpScans },
];

for (const device of DEVICES.filter(({ linuxTools }) => linuxTools)) {
  tapTest(`${device.name}: Linux's own tools find nothing to complain of`, async (t) => {
    await using station = await device.open();
    const { appliance, namespace } = station;
    assert(namespace !== null);
    await namespace.ip("addr", "add", `${LINUX_IP}/24`, "dev", TAP);
    for (const tool of TOOLS) await t.step(tool.name, () => tool.run(namespace));
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const { host } = countersOf(await appliance.event("stopped"));
    const badly = Object.keys(host.drops).filter((reason) => !EXPECTED_DROPS.includes(reason));
    assertEquals(badly, []);
  });
}

for (const device of DEVICES.filter(({ linuxTools, jumbo }) => linuxTools && jumbo)) {
  tapTest(`${device.name} at MTU 9000: Linux's pings come back whole, unfragmented`, async () => {
    await using station = await device.open("--mtu=9000");
    const { appliance, namespace } = station;
    assert(namespace !== null);
    await namespace.ip("link", "set", TAP, "mtu", "9000");
    await namespace.ip("addr", "add", `${LINUX_IP}/24`, "dev", TAP);
    for (const size of ["0", "1472", "1473", "8000", "8972"]) {
      await pingsInOrder(namespace, 10, "-i", "0.05", "-M", "do", "-s", size);
    }
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
  });
}

/** What the scans ask of others. */
const EXPECTED_DROPS = ["arp_other_target"];

async function pingsFast(linux: NetworkNamespace): Promise<void> {
  await pingsInOrder(linux, 100, "-i", "0.01");
}

/**
 * For its last replies ping waits no longer than for the next request, or two round trips, and a busy
 * machine may take longer to run us. With a time limit (-w) it goes on asking until it has heard so many.
 */
async function pingsInOrder(
  linux: NetworkNamespace,
  count: number,
  ...flags: readonly string[]
): Promise<void> {
  const ping = ["ping", "-c", `${count}`, "-w", "30", ...flags, HOST_IP];
  const output = await linux.must(...ping);
  const { received, trouble } = pingSummary(output);
  assertEquals([received, trouble], [count, []], output);
  const replies = [...output.matchAll(/icmp_seq=(\d+) /g)].map(([, sequence]) => Number(sequence));
  assertEquals(replies, Array.from({ length: count }, (_, i) => 1 + i), "none is lost in between");
}

async function pingFloods(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("ping", "-f", "-c", `${FLOOD_PINGS}`, HOST_IP);
  assertEquals(pingSummary(output), { sent: FLOOD_PINGS, received: FLOOD_PINGS, trouble: [] });
}

async function pingSizes(linux: NetworkNamespace): Promise<void> {
  for (let size = 0; size <= 1472; size += 23) await pingTwice(linux, size);
}

async function arpings(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("arping", "-c", "2", "-w", "5", "-I", TAP, HOST_IP);
  assertMatch(output, /^Received 2 response\(s\)/m);
  assertEquals(output.toLowerCase().match(new RegExp(HOST_MAC, "g"))?.length, 2, output);
}

async function arpingDetects(linux: NetworkNamespace): Promise<void> {
  const detect = ["arping", "-D", "-c", "1", "-I", TAP];
  assertEquals((await linux.exec(...detect, "-w", "10", HOST_IP)).code, 1, "taken");
  assertEquals((await linux.exec(...detect, "-w", "1", NOBODY_IP)).code, 0, "free");
}

/** Its timeout is the interval (-p) unless told otherwise, which is short on a busy machine. */
async function fpings(linux: NetworkNamespace): Promise<void> {
  const { stdout, stderr } = await linux.exec(
    "fping",
    "-q",
    "-c",
    "50",
    "-p",
    "10",
    "-t",
    "5000",
    HOST_IP,
  );
  assertEquals(stdout, "");
  assertMatch(stderr, /xmt\/rcv\/%loss = 50\/50\/0%/);
}

async function nmapScans(linux: NetworkNamespace): Promise<void> {
  // Its own patience, and so its retries, grow with what it measures.
  const scan = ["nmap", "-n", "-sn", "--initial-rtt-timeout", "3s", "10.0.2.8/29"];
  const output = await linux.must(...scan);
  assertMatch(output, /^Nmap scan report for 10\.0\.2\.15$/m);
  assertMatch(output, /8 IP addresses \(1 host up\)/);
}

async function arpScans(linux: NetworkNamespace): Promise<void> {
  const patient = ["--retry=1", "--timeout=3000"];
  const output = await linux.must("arp-scan", "--plain", ...patient, "-I", TAP, "10.0.2.0/24");
  const [host, ...others] = output.trim().split("\n");
  assertEquals(host.split("\t").slice(0, 2), [HOST_IP, HOST_MAC]);
  assertEquals(others, []);
}

async function capturedPings(linux: NetworkNamespace): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-tap-" });
  const file = `${folder}/tap.pcap`;
  using socket = linux.run(() => packetSocket(TAP, true));
  for (const size of SIZES) await pingTwice(linux, size);
  await Deno.writeFile(file, receivedAsPcap(socket));
  const capture = await Capture.read(file);
  await Deno.remove(folder, { recursive: true });

  const replies = capture.where((frame) => frame.icmpType === "0");
  const requests = capture.where((frame) => frame.icmpType === "8");
  assertEquals([requests.length, replies.length], [2 * SIZES.length, 2 * SIZES.length]);
  replies.forEach((reply, i) => {
    assertEquals([reply.warning, reply.malformed], ["", ""]);
    // 1 means good (tshark -G fields: ip.checksum.status).
    assertEquals([reply.ipChecksum, reply.icmpChecksum], ["1", "1"]);
    const asked = requests.find((request) =>
      request.icmpId === reply.icmpId && request.icmpSequence === reply.icmpSequence
    );
    assertEquals(reply.icmpData, asked?.icmpData, `reply ${i}`);
    assertEquals([reply.ipLength, reply.ipTtl], [asked?.ipLength, "64"]);
    assertEquals([reply.ethSource, reply.ethDestination], [HOST_MAC, asked?.ethSource]);
    assertEquals(Number(reply.length), Math.max(MIN_FRAME, 14 + Number(reply.ipLength)));
    assertEquals(reply.padding.replaceAll("0", ""), "");
  });
}

/** Both at once (-l), as ping waits for the last reply no longer than the interval between two. */
async function pingTwice(linux: NetworkNamespace, size: number): Promise<void> {
  const ping = ["ping", "-c", "2", "-l", "2", "-i", "5", "-s", `${size}`, HOST_IP];
  const summary = pingSummary(await linux.must(...ping));
  assertEquals(summary, { sent: 2, received: 2, trouble: [] }, `size ${size}`);
}

tapTest("ping -f beside Linux's own answer, interleaved", async () => {
  using pair = await LinuxPair.create();
  const figures = new Map<string, number[]>([["Linux on a veth pair", []]]);
  const devices = DEVICES.filter(({ linuxTools }) => linuxTools);
  await using stack = new AsyncDisposableStack();
  const networks: [string, NetworkNamespace][] = [];
  for (const device of devices) {
    const { namespace } = stack.use(await device.open());
    assert(namespace !== null);
    await namespace.ip("addr", "add", `${LINUX_IP}/24`, "dev", TAP);
    networks.push([device.name, namespace]);
    figures.set(device.name, []);
  }
  networks.push(["Linux on a veth pair", pair.near]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, linux] of networks) {
      const output = await linux.must("ping", "-q", "-f", "-c", `${FLOOD_PINGS}`, HOST_IP);
      assertEquals(pingSummary(output), { sent: FLOOD_PINGS, received: FLOOD_PINGS, trouble: [] });
      figures.get(name)?.push(meanOf(output));
    }
  }
  for (const [name, means] of figures) {
    const all = means.map((mean) => mean.toFixed(0)).join(" ");
    console.log(`ping -f -c ${FLOOD_PINGS}: ${name}: ${median(means).toFixed(0)} µs (${all})`);
  }
  console.log(`a Linux guest under TCG on QEMU's TAP, measured elsewhere: ${LINUX_GUEST_US} µs`);
});
