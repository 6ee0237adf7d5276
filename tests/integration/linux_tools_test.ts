import { assert, assertEquals, assertMatch } from "@std/assert";
import { type NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { HOST_IP, HOST_MAC } from "../stack/frames.ts";
import { Capture } from "./capture.ts";
import { DEVICES, TAP } from "./devices.ts";
import { LinuxPair } from "./linux_pair.ts";
import { meanOf, median, pingSummary } from "./ping_summary.ts";

const LINUX_IP = "10.0.2.2";
const NOBODY_IP = "10.0.2.77";
const SIZES = [0, 1, 7, 55, 56, 1472];

/** Octets of the shortest frame without checksum (IEEE 802.3 §4A.4.2: 64 with it). */
const MIN_FRAME = 60;
/** Frames that the capture holds at the end, which are all there is: ARP, and echoes both ways. */
const CAPTURED_PINGS = 2 * SIZES.length;

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

for (const device of DEVICES.filter(({ needsTap }) => needsTap)) {
  tapTest(`${device.name}: Linux's own tools find nothing to complain of`, async (t) => {
    await using station = await device.open();
    const { appliance, namespace } = station;
    assert(namespace !== null);
    await namespace.ip("addr", "add", `${LINUX_IP}/24`, "dev", TAP);
    for (const tool of TOOLS) await t.step(tool.name, () => tool.run(namespace));
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    const { host } = await appliance.event("stopped") as unknown as { host: Stopped };
    const badly = Object.keys(host.drops).filter((reason) => !EXPECTED_DROPS.includes(reason));
    assertEquals(badly, []);
  });
}

/** What the scans ask of others. */
const EXPECTED_DROPS = ["arp_other_target"];

interface Stopped {
  readonly drops: Readonly<Record<string, number>>;
}

async function pingsFast(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("ping", "-c", "100", "-i", "0.01", HOST_IP);
  assertEquals(pingSummary(output), { sent: 100, received: 100, trouble: [] });
}

async function pingFloods(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("ping", "-f", "-c", `${FLOOD_PINGS}`, HOST_IP);
  assertEquals(pingSummary(output), { sent: FLOOD_PINGS, received: FLOOD_PINGS, trouble: [] });
}

async function pingSizes(linux: NetworkNamespace): Promise<void> {
  for (let size = 0; size <= 1472; size += 23) {
    const output = await linux.must("ping", "-c", "3", "-i", "0.002", "-s", `${size}`, HOST_IP);
    assertEquals(pingSummary(output), { sent: 3, received: 3, trouble: [] }, `size ${size}`);
  }
}

async function arpings(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("arping", "-c", "2", "-w", "5", "-I", TAP, HOST_IP);
  assertMatch(output, /^Received 2 response\(s\)/m);
  assertEquals(output.toLowerCase().match(new RegExp(HOST_MAC, "g"))?.length, 2, output);
}

async function arpingDetects(linux: NetworkNamespace): Promise<void> {
  const detect = ["arping", "-D", "-c", "1", "-w", "1", "-I", TAP];
  assertEquals((await linux.exec(...detect, HOST_IP)).code, 1, "taken");
  assertEquals((await linux.exec(...detect, NOBODY_IP)).code, 0, "free");
}

async function fpings(linux: NetworkNamespace): Promise<void> {
  const { stdout, stderr } = await linux.exec("fping", "-q", "-c", "50", "-p", "10", HOST_IP);
  assertEquals(stdout, "");
  assertMatch(stderr, /xmt\/rcv\/%loss = 50\/50\/0%/);
}

async function nmapScans(linux: NetworkNamespace): Promise<void> {
  const scan = ["nmap", "-n", "-sn", "--max-retries", "0", "10.0.2.8/29"];
  const output = await linux.must(...scan);
  assertMatch(output, /^Nmap scan report for 10\.0\.2\.15$/m);
  assertMatch(output, /8 IP addresses \(1 host up\)/);
}

async function arpScans(linux: NetworkNamespace): Promise<void> {
  const output = await linux.must("arp-scan", "--plain", "-I", TAP, "10.0.2.0/24");
  const [host, ...others] = output.trim().split("\n");
  assertEquals(host.split("\t").slice(0, 2), [HOST_IP, HOST_MAC]);
  assertEquals(others, []);
}

async function capturedPings(linux: NetworkNamespace): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-tap-" });
  const file = `${folder}/tap.pcap`;
  try {
    const capturing = linux.exec(
      ...["timeout", "20", "tshark", "-q", "-n", "-i", TAP, "-w", file, "-F", "pcap"],
      ...["-f", "icmp", "-c", `${2 * CAPTURED_PINGS}`],
    );
    await captureBegins(linux);
    for (const size of SIZES) {
      await linux.must("ping", "-c", "2", "-i", "0.01", "-s", `${size}`, HOST_IP);
    }
    assertEquals((await capturing).code, 0);
    const capture = await Capture.read(file);
    const replies = capture.where((frame) => frame.icmpType === "0");
    const requests = capture.where((frame) => frame.icmpType === "8");
    assertEquals([requests.length, replies.length], [CAPTURED_PINGS, CAPTURED_PINGS]);
    replies.forEach((reply, i) => {
      assertEquals([reply.warning, reply.malformed], ["", ""]);
      // 1 means good (tshark -G fields: ip.checksum.status).
      assertEquals([reply.ipChecksum, reply.icmpChecksum], ["1", "1"]);
      assertEquals([reply.icmpData, reply.icmpId], [requests[i].icmpData, requests[i].icmpId]);
      assertEquals([reply.ipLength, reply.ipTtl], [requests[i].ipLength, "64"]);
      assertEquals([reply.ethSource, reply.ethDestination], [HOST_MAC, requests[i].ethSource]);
      assertEquals(Number(reply.length), Math.max(MIN_FRAME, 14 + Number(reply.ipLength)));
      assertEquals(reply.padding.replaceAll("0", ""), "");
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A packet socket of the namespace is there: tshark's, as ours is not bound to ICMP. */
async function captureBegins(linux: NetworkNamespace): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const sockets = await linux.must("cat", "/proc/net/packet");
    if (sockets.trim().split("\n").length >= 3) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("tshark doesn't begin to capture");
}

tapTest("ping -f beside Linux's own answer, interleaved", async () => {
  using pair = await LinuxPair.create();
  const figures = new Map<string, number[]>([["Linux on a veth pair", []]]);
  const devices = DEVICES.filter(({ needsTap }) => needsTap);
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
