import { assertEquals, assertMatch } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import { StreamDevice } from "../drivers/stream/stream_link.ts";
import { echoFrame, echoReplyFromHost, padded } from "../stack/frames.ts";
import { SeededRandom } from "../stack/seeded_random.ts";
import { Appliance, countersOf, type LogLine, runMain } from "./appliance.ts";
import { Capture, folderWithDumpingQemu } from "./capture.ts";

const MTU = 9000;
const PEER_MAC = "02:75:0a:00:02:63";
const PEER = "10.0.2.99";

/** At 1500's border, at those of netbufs of 2112 bytes, and at the longest. */
const BORDER = Array.from({ length: 21 }, (_, i) => 2034 + i);
const SIZES = [0, 1, 1472, 1473, ...BORDER, 4062, 4063, 4100, 7999, 8000, 8971, 8972];
const PINGED = [0, 1473, 8000, 8972];

const DEADLINE_MS = 10_000;

for (
  const [device, pieces] of [
    ["qemu:virtio-net-pci", "in merged buffers"],
    ["qemu:virtio-net-pci,mrg_rxbuf=off", "in one buffer each"],
  ]
) {
  Deno.test(`MTU 9000 ${pieces}: echoes of all sizes, to the last byte; judged by tshark`, async () => {
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-jumbo-" });
    const path = await folderWithDumpingQemu(folder);
    {
      await using appliance = new Appliance([`--device=${device}`, `--mtu=${MTU}`], { path });
      const { mtu, features } = await appliance.event("device");
      assertEquals(mtu, MTU);
      const merges = (features as string[]).includes("MRG_RXBUF");
      assertEquals(merges, !device.endsWith("mrg_rxbuf=off"));
      await appliance.event("gateway");
      await echo(appliance.hub);
      await ping(appliance.hub);
      const { status, stderr } = await appliance.stop();
      assertEquals([status.code, stderr], [0, ""]);
      checkCounters(await appliance.event("stopped"));
    }
    const capture = await Capture.read(`${folder}/wire.pcap`);
    await Deno.remove(folder, { recursive: true });
    check(capture);
  });
}

/** One echo of each size, with random data, over a port of the hub. */
async function echo(hub: string): Promise<void> {
  const { socket, headerSent } = await connectHub(hub);
  using port = new StreamDevice(socket, { headerSent, mtu: MTU });
  const random = new SeededRandom(9000);
  for (const [sequence, size] of SIZES.entries()) {
    const icmp = { sequence, payload: random.bytes(size) };
    const request = padded(echoFrame({ source: PEER_MAC, from: PEER }, icmp));
    assertEquals(port.netdev.txBurst(0, [port.packet(request)], 0, 1), 1);
    const reply = await receive(port);
    assertEquals(reply, echoReplyFromHost({ destination: PEER_MAC, to: PEER }, icmp), `${size}`);
  }
}

/** The next frame for the peer. */
async function receive(port: StreamDevice): Promise<Uint8Array> {
  const deadline = monotonicClock.now() + DEADLINE_MS;
  while (monotonicClock.now() < deadline) {
    const [frame] = port.burst(1);
    if (frame !== undefined && frame[5] === 0x63) return Uint8Array.from(frame);
    if (frame !== undefined) continue;
    if (port.netdev.rxqIntrEnable(0) === 0) await port.waiter.sleep(deadline);
  }
  throw new Error(`no reply within ${DEADLINE_MS} ms`);
}

/** Our own ping, which sends and takes in chains or long netbufs. */
async function ping(hub: string): Promise<void> {
  for (const size of PINGED) {
    const flags = [`--hub=${hub}`, `--mtu=${MTU}`, "-s", `${size}`, "-c", "1"];
    const { code, stdout, stderr } = await runMain(["ping", ...flags]);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, /^1 packets transmitted, 1 received, 0% packet loss/m);
    assertEquals(stdout.includes("wrong data"), false, stdout);
  }
}

function checkCounters(stopped: LogLine): void {
  const { host, netdev } = countersOf(stopped);
  assertEquals(host.drops, {});
  assertEquals(host.echoRequestsAnswered, SIZES.length + PINGED.length);
  const driverDrops = Object.values(netdev.drops);
  assertEquals(driverDrops.filter((count) => count !== 0), []);
}

function check(capture: Capture): void {
  assertEquals(capture.where((frame) => frame.warning !== "" || frame.malformed !== ""), []);
  const ip = capture.where((frame) => frame.ipSource !== "");
  // 1 means good (tshark -G fields: ip.checksum.status).
  assertEquals(ip.filter(({ ipChecksum, icmpChecksum }) => ipChecksum + icmpChecksum !== "11"), []);
  const lengths = (type: string, address: "ipSource" | "ipDestination"): number[] =>
    ip.filter((frame) => frame.icmpType === type && frame[address] === "10.0.2.15")
      .map((frame) => Number(frame.ipLength) - 28);
  const expected = [...SIZES, ...PINGED];
  assertEquals(lengths("8", "ipDestination"), expected);
  // The gateway's answer to our one ping goes to us.
  assertEquals(lengths("0", "ipSource"), expected);
}
