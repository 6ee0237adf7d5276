import { formatMacBytes } from "../../stack/mac_address.ts";
import * as backEndModule from "../../tests/device/vhost_user/back_end.ts";
import { MonotonicClock } from "./generator_clock.ts";
import { meetFrontEnd } from "./generator_front_end.ts";
import { Latencies, type LatencySummary } from "./generator_latencies.ts";
import { burstLoop, closedLoop, openLoop, type RunEnd } from "./generator_loops.ts";
import type { GeneratorOptions } from "./generator_options.ts";
import type { GeneratorPort } from "./generator_port.ts";
import { learnMac, makePorts } from "./generator_ports.ts";
import { EchoReplies } from "./generator_replies.ts";
import { EchoRequests, scratchBytesFor } from "./generator_requests.ts";
import { GeneratorSession, type RunCounts } from "./generator_session.ts";

const OWN_MAC = Uint8Array.of(0x02, 0x75, 0x0a, 0x00, 0x02, 0x02);

/** Replies that are timed, at most: 64 MB of them. */
const TIMED_MAX = 1 << 24;

/** What a buffer for receiving holds at least. */
const BUFFER_FRAME_BYTES = 1514;

/** What was counted in a run, and how fast it went. */
export interface RunRates {
  readonly seconds: number;
  readonly sent: number;
  readonly replies: number;
  readonly echoesPerSecond: number;
  /** Nanoseconds of the generator's own time per echo in the closed loop, else 0: see OwnTime. */
  readonly ownNsPerEcho: number;
  /** What it could do at most, were the front-end without cost; 0 when that isn't known. */
  readonly ownLimitPerSecond: number;
  readonly emptyTurns: number;
}

/** What came of a run. */
export interface GeneratorResult extends RunRates {
  readonly mode: string;
  readonly ring: "split" | "packed";
  readonly mergeable: boolean;
  readonly inOrder: boolean;
  readonly ringSize: number;
  readonly queuePairs: number;
  readonly addresses: number;
  readonly frameBytes: number;
  readonly frontEndMac: string;
  /** Replies of which every field was compared. */
  readonly checked: number;
  /** These also count what came while warming up. */
  readonly wrong: number;
  readonly lost: number;
  readonly firstWrong: string;
  /** Frames that were no replies. */
  readonly others: number;
  readonly bursts?: number;
  readonly latency?: LatencySummary;
  readonly latestSendUs?: number;
  readonly refused?: number;
  /** When it waits for kicks: how many came, and frames that came without. */
  readonly kicks?: number;
  readonly lostKicks?: number;
}

/** Meets the front-end, learns its MAC address, warms up, and runs. */
export function generate(options: GeneratorOptions): GeneratorResult {
  const timeoutMs = 1000 * options.timeoutSeconds;
  using backEnd = meetFrontEnd({
    ...options,
    timeoutMs,
    scratchBytes: scratchBytesFor(options.size),
  });
  const own = { ownMac: OWN_MAC, ownIp: options.ownIp, peerIp: options.peerIp };
  const peerMac = learnMac(backEnd, own, timeoutMs);
  const stations = { ...own, peerMac, addresses: options.addresses };
  const slots = slotsFor(backEnd);
  const clock = new MonotonicClock();
  const latencies = options.mode.kind === "open" ? new Latencies(clock, slots, TIMED_MAX) : null;
  const ports = makePorts(backEnd, options.queuePairs, own, (memory) => {
    const requests = new EchoRequests(memory, stations, options.size);
    return { requests, latencies, replies: new EchoReplies(requests, slots, options.checkEvery) };
  });
  const session = new GeneratorSession(backEnd, ports, clock, options.sleeps);
  const until = (seconds: number): number => clock.now() + 1e9 * seconds;
  if (options.warmUpSeconds > 0) {
    const end = { echoes: Infinity, untilNs: until(options.warmUpSeconds) };
    run(session, options, latencies, end);
  }
  latencies?.clear();
  session.ownTime.clear();
  const checked = sumOf(ports, (port) => port.replies.checked);
  const others = sumOf(ports, (port) => port.others);
  console.error("generator: running");
  const counts = session.begin();
  const end = { echoes: options.echoes, untilNs: until(options.seconds) };
  const extra = run(session, options, latencies, end);
  const counted = counts();
  return {
    mode: options.mode.kind,
    ring: backEnd.has(backEndModule.VIRTIO_F_RING_PACKED) ? "packed" : "split",
    mergeable: backEnd.has(backEndModule.VIRTIO_NET_F_MRG_RXBUF),
    inOrder: backEnd.has(backEndModule.VIRTIO_F_IN_ORDER),
    ringSize: ports[0].size,
    queuePairs: ports.length,
    addresses: options.addresses,
    frameBytes: options.size,
    frontEndMac: formatMacBytes(peerMac),
    ...rates(counted, session.ownTime.median),
    checked: sumOf(ports, (port) => port.replies.checked) - checked,
    wrong: sumOf(ports, (port) => port.replies.wrong),
    lost: sumOf(ports, (port) => port.replies.lost),
    firstWrong: ports.map((port) => port.replies.firstWrong).find((what) => what !== "") ?? "",
    others: sumOf(ports, (port) => port.others) - others,
    ...extra,
    ...(session.sleep === null
      ? {}
      : { kicks: session.sleep.kicks, lostKicks: session.sleep.lostKicks }),
    ...(latencies === null ? {} : { latency: latencies.summary() }),
  };
}

function run(
  session: GeneratorSession,
  { mode, size }: GeneratorOptions,
  latencies: Latencies | null,
  end: RunEnd,
): Partial<GeneratorResult> {
  if (mode.kind === "burst") {
    return { bursts: burstLoop(session, mode.size, mode.pauseSteps, end) };
  }
  if (mode.kind === "open" && latencies !== null) {
    const { latestNs, refused } = openLoop(session, 1e9 / mode.rate, latencies, end);
    return { latestSendUs: Math.round(latestNs / 10) / 100, refused };
  }
  if (mode.kind === "closed") {
    closedLoop(session, windowFor(mode.window, session.ports[0].size, size), end);
  }
  return {};
}

/**
 * As many as the ring has buffers for: one for a frame of 1,514 bytes and its header (virtio 1.2
 * §5.1.6.3.1), and several, mergeable ones, for a longer one.
 */
function windowFor(wanted: number, ringSize: number, frameBytes: number): number {
  const buffers = Math.ceil(frameBytes / BUFFER_FRAME_BYTES);
  return Math.max(1, Math.min(wanted, Math.floor(ringSize / buffers)));
}

function rates({ sent, replies, nanoseconds, emptyTurns }: RunCounts, own: number): RunRates {
  return {
    seconds: Math.round(nanoseconds / 1e3) / 1e6,
    sent,
    replies,
    echoesPerSecond: Math.round(replies / (nanoseconds / 1e9)),
    ownNsPerEcho: Math.round(own * 10) / 10,
    ownLimitPerSecond: own === 0 ? 0 : Math.round(1e9 / own),
    emptyTurns,
  };
}

/** Numbers of requests that are told apart: more than twice as many as can be on their way. */
function slotsFor(backEnd: backEndModule.VhostUserBackEnd): number {
  const largest = Math.max(...backEnd.vrings.map(({ size }) => size));
  return 2 ** Math.ceil(Math.log2(4 * largest));
}

function sumOf(ports: readonly GeneratorPort[], of: (port: GeneratorPort) => number): number {
  return ports.reduce((sum, port) => sum + of(port), 0);
}
