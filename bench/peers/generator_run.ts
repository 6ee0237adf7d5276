import * as backEndModule from "../../tests/device/vhost_user/back_end.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import { formatMacBytes } from "../../stack/mac_address.ts";
import { arpAnswer, arpRequest, macOfReply } from "./generator_arp.ts";
import { MonotonicClock } from "./generator_clock.ts";
import { meetFrontEnd } from "./generator_front_end.ts";
import { Latencies, type LatencySummary } from "./generator_latencies.ts";
import { burstLoop, closedLoop, openLoop, type RunEnd } from "./generator_loops.ts";
import type { GeneratorOptions } from "./generator_options.ts";
import { GeneratorPort } from "./generator_port.ts";
import { EchoReplies } from "./generator_replies.ts";
import { EchoRequests } from "./generator_requests.ts";
import { GeneratorSession, type RunCounts } from "./generator_session.ts";

const OWN_MAC = Uint8Array.of(0x02, 0x75, 0x0a, 0x00, 0x02, 0x02);

/** A locally administered address that nobody has, before the front-end's is known. */
const NO_MAC = new Uint8Array(6);

/** Milliseconds between two ARP requests. */
const ARP_RETRY_MS = 100;

/** Replies that are timed, at most: 64 MB of them. */
const TIMED_MAX = 1 << 24;

/** What came of a run. */
export interface GeneratorResult {
  readonly mode: string;
  readonly ring: "split" | "packed";
  readonly mergeable: boolean;
  readonly inOrder: boolean;
  readonly ringSize: number;
  readonly queuePairs: number;
  readonly addresses: number;
  readonly frameBytes: number;
  readonly frontEndMac: string;
  readonly seconds: number;
  readonly sent: number;
  readonly replies: number;
  readonly echoesPerSecond: number;
  /** Nanoseconds of the generator's own time per echo in the closed loop, else 0: see OwnTime. */
  readonly ownNsPerEcho: number;
  /** What it could do at most, were the front-end without cost. */
  readonly ownLimitPerSecond: number;
  readonly emptyTurns: number;
  /** Replies of which every field was compared. */
  readonly checked: number;
  readonly wrong: number;
  readonly lost: number;
  readonly firstWrong: string;
  /** Frames that were no replies. */
  readonly others: number;
  readonly bursts?: number;
  readonly latency?: LatencySummary;
  readonly latestSendUs?: number;
  readonly refused?: number;
}

/** Meets the front-end, learns its MAC address, warms up, and runs. */
export function generate(options: GeneratorOptions): GeneratorResult {
  const timeoutMs = 1000 * options.timeoutSeconds;
  using backEnd = meetFrontEnd({ ...options, timeoutMs });
  const peerMac = learnMac(backEnd, options, timeoutMs);
  const stations = {
    ownMac: OWN_MAC,
    ownIp: options.ownIp,
    peerMac,
    peerIp: options.peerIp,
    addresses: options.addresses,
  };
  const requests = new EchoRequests(stations, options.size);
  const slots = slotsFor(backEnd, options);
  const replies = new EchoReplies(requests, slots, options.checkEvery);
  const latencies = options.mode.kind === "open" ? new Latencies(slots, TIMED_MAX) : null;
  const traffic = { requests, replies, latencies, slotMask: slots - 1 };
  const ports = makePorts(backEnd, options.queuePairs, traffic, (port, frame) => {
    const answer = arpAnswer(frame, OWN_MAC, options.ownIp);
    if (answer !== null) port.sendFrame(answer);
  });
  const clock = new MonotonicClock();
  const session = new GeneratorSession(backEnd, ports, replies, clock);
  if (options.warmUpSeconds > 0) {
    const untilNs = clock.now() + 1e9 * options.warmUpSeconds;
    run(session, options, latencies, { echoes: Infinity, untilNs });
  }
  latencies?.clear();
  session.ownTime.clear();
  const { checked } = replies;
  const others = ports.reduce((sum, port) => sum + port.others, 0);
  const counts = session.begin();
  const untilNs = clock.now() + 1e9 * options.seconds;
  const extra = run(session, options, latencies, { echoes: options.echoes, untilNs });
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
    checked: replies.checked - checked,
    wrong: replies.wrong,
    lost: replies.lost,
    firstWrong: replies.firstWrong,
    others: ports.reduce((sum, port) => sum + port.others, 0) - others,
    ...extra,
    ...(latencies === null ? {} : { latency: latencies.summary() }),
  };
}

function run(
  session: GeneratorSession,
  { mode }: GeneratorOptions,
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
    const window = Math.min(mode.window, session.ports[0].size);
    closedLoop(session, window, end);
  }
  return {};
}

function rates(counts: RunCounts, own: number): Pick<
  GeneratorResult,
  | "seconds"
  | "sent"
  | "replies"
  | "echoesPerSecond"
  | "ownNsPerEcho"
  | "ownLimitPerSecond"
  | "emptyTurns"
> {
  const { sent, replies, nanoseconds, emptyTurns } = counts;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return {
    seconds: Math.round(nanoseconds / 1e3) / 1e6,
    sent,
    replies,
    echoesPerSecond: Math.round(replies / (nanoseconds / 1e9)),
    ownNsPerEcho: round(own),
    ownLimitPerSecond: own === 0 ? 0 : Math.round(1e9 / own),
    emptyTurns,
  };
}

function makePorts(
  backEnd: backEndModule.VhostUserBackEnd,
  queuePairs: number,
  traffic: ConstructorParameters<typeof GeneratorPort>[4],
  onOther: ConstructorParameters<typeof GeneratorPort>[5],
): GeneratorPort[] {
  const mergeable = backEnd.has(backEndModule.VIRTIO_NET_F_MRG_RXBUF);
  return Array.from({ length: queuePairs }, (_, pair) => {
    const rxVring = backEnd.vrings[2 * pair];
    const txVring = backEnd.vrings[2 * pair + 1];
    const { memory } = backEnd;
    if (memory === null || rxVring.ring === null || txVring.ring === null) {
      throw new BackEndError(`queue pair ${pair} is not up`);
    }
    const rings = [rxVring.ring, txVring.ring] as const;
    return new GeneratorPort(memory, [rxVring, txVring], rings, mergeable, traffic, onOther);
  });
}

/** Numbers of requests that are told apart: four times as many as can be on their way. */
function slotsFor(backEnd: backEndModule.VhostUserBackEnd, options: GeneratorOptions): number {
  const sizes = backEnd.vrings.reduce((sum, vring) => sum + vring.size, 0);
  const wanted = options.mode.kind === "open" ? 2 * sizes : sizes;
  return 2 ** Math.ceil(Math.log2(2 * wanted));
}

/** Asks for the MAC address of the one who is asked first. */
function learnMac(
  backEnd: backEndModule.VhostUserBackEnd,
  options: GeneratorOptions,
  timeoutMs: number,
): Uint8Array {
  let learnt: Uint8Array | null = null;
  const stations = {
    ownMac: OWN_MAC,
    ownIp: options.ownIp,
    peerMac: NO_MAC,
    peerIp: options.peerIp,
    addresses: 1,
  };
  const requests = new EchoRequests(stations, options.size);
  const replies = new EchoReplies(requests, 1, 1);
  const traffic = { requests, replies, latencies: null, slotMask: 0 };
  const [port] = makePorts(backEnd, 1, traffic, (port, frame) => {
    learnt ??= macOfReply(frame, options.peerIp);
    const answer = arpAnswer(frame, OWN_MAC, options.ownIp);
    if (answer !== null) port.sendFrame(answer);
  });
  const deadline = performance.now() + timeoutMs;
  for (let asked = -Infinity; learnt === null;) {
    const now = performance.now();
    if (now > deadline) throw new BackEndError("the front-end doesn't answer ARP");
    if (now - asked > ARP_RETRY_MS) {
      port.sendFrame(arpRequest(OWN_MAC, options.ownIp, options.peerIp));
      asked = now;
    }
    port.take(64);
    if (!backEnd.serve() || !port.runs) {
      throw new BackEndError("the front-end went away before it answered ARP");
    }
  }
  return learnt;
}
