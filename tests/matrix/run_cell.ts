import { assert, assertEquals } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { Appliance, countersOf, uniqueHub } from "../integration/appliance.ts";
import { EchoFlood } from "../integration/echo_flood.ts";
import { type FramePort, PacketPort, StreamPort } from "../integration/frame_port.ts";
import { NetworkNamespace } from "../linux/network_namespace.ts";
import { packetSocket } from "../linux/packet_socket.ts";
import { arpFrame, arpReplyFromHost, HOST_IP } from "../stack/frames.ts";
import { type Cell, isLegacy, onOff } from "./cells.ts";
import { qemuVirtioStatus } from "./qemu_features.ts";

/** Jumbo frames: only they are spread over several buffers, or sent as chains. */
const MTU = 9000;
/** IPv4 header and ICMP header. */
const MOST_PAYLOAD = MTU - 28;
/** Prime, so that 32 requests have 32 lengths from all over. */
const PAYLOAD_STEP = 1789;

const ECHOES = 1000;
/** Frames of 9 KB fill a socket soon, and QEMU's hub waits for good when two are full. */
const OUTSTANDING = 8;
/** Askers that a TAP with four queues spreads over several of them. */
const ASKERS = 16;

/** virtio-mmio has rings of 1,024: too many for four pairs with room for a jumbo frame in each entry. */
const MULTIQUEUE_RING_SIZE = 256;

/** No power of two, which only packed rings may be (virtio 1.2 §2.8). */
const PACKED_RING_SIZE = 200;

const TAP = "tap0";
const SILENCE_MS = 20_000;

/** Who the test is on the network. */
const MAC = "02:75:0a:00:02:62";
const IP = "10.0.2.98";

/** What a cell came to that is right. */
export interface CellResult {
  /** Features that were negotiated. */
  readonly features: readonly string[];
  readonly milliseconds: number;
}

/**
 * Runs an appliance on a card of this kind in a real QEMU. An exception when anything is wrong: the
 * features that were negotiated, here or in QEMU's view; an ARP reply; a byte of 1,000 echoes.
 */
export async function runCell(cell: Cell): Promise<CellResult> {
  const started = performance.now();
  using namespace = cell.queuePairs === 1 ? null : new NetworkNamespace();
  const monitor = uniqueHub();
  await using appliance = new Appliance(
    [`--monitor=${monitor}`, `--ip=${HOST_IP}/24`, `--mtu=${MTU}`, ...argumentsFor(cell)],
    { within: namespace?.prefix ?? [] },
  );
  await appliance.event("ready");
  const { features, rx, tx } = await appliance.event("device") as unknown as Told;
  assertEquals(features.filter((name) => SWITCHED.includes(name)).toSorted(), wanted(cell));
  const within = <T>(f: () => T): T => namespace === null ? f() : namespace.run(f);
  const { queuePairs } = cell;
  const { negotiated, status, rings } = qemuVirtioStatus(monitor, 2 * queuePairs, within);
  assertEquals(negotiated, features.toSorted(), "features that QEMU sees");
  assertEquals(rings, Array.from({ length: queuePairs }, () => [rx, tx]).flat());
  assert(status.includes("DRIVER_OK"), `QEMU sees the status ${status}`);

  using port = await portOf(appliance, namespace);
  answersArp(port);
  const flood = new EchoFlood(port, {
    outstanding: OUTSTANDING,
    payloadBytes: (request) => request * PAYLOAD_STEP % (MOST_PAYLOAD + 1),
    askers: ASKERS,
  });
  const { replies, wrong } = flood.run(ECHOES);
  assertEquals([replies, wrong], [ECHOES, 0]);

  const { status: { code }, stderr } = await appliance.stop();
  assertEquals([code, stderr], [0, ""]);
  const { host, netdev } = countersOf(await appliance.event("stopped"));
  assertEquals([host.echoRequestsAnswered, host.drops], [ECHOES + 1, {}]);
  const queues = netdev.rxQueues as unknown as readonly { packets: number }[];
  assertEquals(queues.length, queuePairs);
  const busy = queues.filter(({ packets }) => packets > 0).length;
  assert(queuePairs === 1 || busy > 1, `one queue of ${queuePairs} has all packets`);
  return { features, milliseconds: performance.now() - started };
}

/** What an appliance tells of its card. */
interface Told {
  readonly features: readonly string[];
  /** Descriptors of each queue. */
  readonly rx: number;
  readonly tx: number;
}

/** Features that a cell decides on. */
const SWITCHED = ["MRG_RXBUF", "EVENT_IDX", "INDIRECT_DESC", "RING_PACKED", "VERSION_1", "MQ"];

/** Those that have to be negotiated in a cell, and no other of them, sorted. */
function wanted(cell: Cell): string[] {
  const on: readonly (readonly [name: string, on: boolean])[] = [
    ["MRG_RXBUF", cell.mrgRxbuf],
    ["EVENT_IDX", cell.eventIdx],
    ["INDIRECT_DESC", cell.indirectDesc],
    ["RING_PACKED", cell.ring === "packed"],
    ["VERSION_1", !isLegacy(cell.transport)],
    ["MQ", cell.queuePairs > 1],
  ];
  return on.filter(([, isOn]) => isOn).map(([name]) => name).toSorted();
}

function argumentsFor(cell: Cell): string[] {
  const card = [
    ...MODELS[cell.transport],
    `mrg_rxbuf=${onOff(cell.mrgRxbuf)}`,
    `event_idx=${onOff(cell.eventIdx)}`,
    `indirect_desc=${onOff(cell.indirectDesc)}`,
  ];
  const args = [`--device=qemu:${card.join(",")}`];
  if (cell.ring === "packed") args.push("--ring=packed", `--ring-size=${PACKED_RING_SIZE}`);
  if (cell.queuePairs === 1) return args;
  if (cell.ring === "split") args.push(`--ring-size=${MULTIQUEUE_RING_SIZE}`);
  const netdev = `tap,ifname=${TAP},script=no,downscript=no,vhost=off`;
  return [...args, `--netdev=${netdev}`, `--queues=${cell.queuePairs}`];
}

/** QEMU's name of each card, and the properties that make it that. */
const MODELS: Readonly<Record<Cell["transport"], readonly string[]>> = {
  "pci modern": ["virtio-net-pci"],
  "pci legacy": ["virtio-net-pci", "disable-modern=on"],
  "mmio v2": ["virtio-net-device"],
  "mmio v1": ["virtio-net-device", "legacy=on"],
};

async function portOf(
  appliance: Appliance,
  namespace: NetworkNamespace | null,
): Promise<FramePort> {
  if (namespace === null) {
    const { socket, headerSent } = await connectHub(appliance.hub);
    return new StreamPort(socket, headerSent);
  }
  await namespace.ip("link", "set", TAP, "mtu", `${MTU}`, "up");
  return new PacketPort(namespace.run(() => packetSocket(TAP)));
}

function answersArp(port: FramePort): void {
  port.send(Uint8Array.from(arpFrame({ source: MAC, spa: IP })));
  const expected = arpReplyFromHost({ destination: MAC, tha: MAC, tpa: IP });
  for (;;) {
    const frame = port.next(SILENCE_MS);
    assert(frame !== null, "no answer to ARP");
    if (frame.length === expected.length && expected.every((byte, i) => frame[i] === byte)) return;
  }
}
