import { pingSummary } from "../../tests/integration/ping_summary.ts";
import { HOST_IP } from "../../tests/stack/frames.ts";
import {
  type AnsweringHost,
  linuxOnTap,
  linuxOnVeth,
  scapyOnVeth,
  ukdenoOnTap,
} from "./tap_networks.ts";

/** What ping(8) said of one host, one figure a round. */
export interface PingFigures {
  readonly name: string;
  /** Mean round trip of `ping -f`, which sends the next request when it has the reply; µs, whole. */
  readonly roundTrip: readonly number[];
  /** The same pings a second, all that ping does for one of them included. */
  readonly echoes: readonly number[];
  /** Echoes a second with so many under way (`-l`). */
  readonly crowded: readonly number[];
}

/** How much to measure. */
export interface PingOptions {
  readonly rounds: number;
  /** Pings a round; a slow host is given a twentieth. */
  readonly pings: number;
  /** Requests under way in the second figure. */
  readonly window: number;
}

/** What takes a millisecond an answer. */
const SLOW = 20;

/**
 * Pings Linux, ourselves on a TAP interface, and a Scapy script, in turn, with the same pinger in
 * network namespaces of their own. Each host is warmed up first. Throws when a ping stays
 * unanswered. Needs root.
 */
export async function pingPeers(options: PingOptions): Promise<PingFigures[]> {
  await using stack = new AsyncDisposableStack();
  const hosts: AnsweringHost[] = [];
  for (const open of [linuxOnVeth, linuxOnTap, ukdenoOnTap, scapyOnVeth]) {
    hosts.push(stack.use(await open()));
  }
  const samples = hosts.map(() => ({
    roundTrip: [] as number[],
    echoes: [] as number[],
    crowded: [] as number[],
  }));
  for (let round = -1; round < options.rounds; round++) {
    for (const [i, host] of hosts.entries()) {
      const isSlow = host.name.startsWith("Scapy");
      const pings = isSlow ? Math.ceil(options.pings / SLOW) : options.pings;
      const single = await flood(host, pings, 1);
      const crowd = await flood(host, pings, options.window);
      if (round < 0) continue;
      samples[i].roundTrip.push(single.mean);
      samples[i].echoes.push(single.perSecond);
      samples[i].crowded.push(crowd.perSecond);
    }
  }
  return hosts.map(({ name }, i) => ({ name, ...samples[i] }));
}

async function flood(
  { name, linux }: AnsweringHost,
  pings: number,
  window: number,
): Promise<{ mean: number; perSecond: number }> {
  const preload = window === 1 ? [] : ["-l", `${window}`];
  const args = ["-q", "-f", "-c", `${pings}`, ...preload, HOST_IP];
  const started = performance.now();
  const output = await linux.must("ping", ...args);
  const elapsed = performance.now() - started;
  const { sent, received, trouble } = pingSummary(output);
  if (received !== sent || trouble.length > 0) throw new Error(`${name}: ${output}`);
  // From the first request to the last reply; whole milliseconds, so that there have to be many.
  const milliseconds = Number(/, time (\d+)ms$/m.exec(output)?.[1] ?? elapsed);
  const mean = /^rtt min\/avg\/max\/mdev = [\d.]+\/([\d.]+)\//m.exec(output)?.[1];
  if (mean === undefined) throw new Error(`${name}: no times in ${output}`);
  return { mean: 1000 * Number(mean), perSecond: 1000 * pings / milliseconds };
}
