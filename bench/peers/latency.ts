import { alternate } from "./alternate.ts";
import { SIDES } from "./front_ends.ts";
import { generatedRun } from "./generator_runs.ts";
import type { LatencySummary } from "./generator_latencies.ts";
import type { Pace } from "./pace.ts";
import { type Row, row, type Section, side } from "./row.ts";

/** Echoes a second. */
const RATES = [10_000, 100_000, 1_000_000];
const RING_SIZE = 1024;

/** At the lowest rate it takes so long until V8 has compiled all that an echo passes through. */
const WARM_UP_MS = 5000;

const PERCENTILES: readonly (readonly [name: string, of: (summary: LatencySummary) => number])[] = [
  ["median", ({ p50 }) => p50],
  ["99 %", ({ p99 }) => p99],
  ["99.9 %", ({ p999 }) => p999],
  ["longest", ({ max }) => max],
];

/** How long an echo takes at a fixed rate, whatever the front-end does meanwhile. */
export async function latency(pace: Pace): Promise<Section> {
  const warm = pace.warmUp < WARM_UP_MS ? { ...pace, warmUp: WARM_UP_MS } : pace;
  const rows: Row[] = [];
  for (const rate of RATES) {
    const summaries = new Map<unknown, LatencySummary[]>(SIDES.map(({ start }) => [start, []]));
    await alternate(pace, async (start) => {
      const setup = { ring: "split", ringSize: RING_SIZE } as const;
      const result = await generatedRun(start, setup, [`--rate=${rate}`], warm);
      if (result.latency === undefined) throw new Error("the generator has timed nothing");
      summaries.get(start)?.push(result.latency);
      return result.latency.p50;
    });
    for (const [percentile, of] of PERCENTILES) {
      const [ours, peer] = SIDES.map(({ name, start }) =>
        side(name, summaries.get(start)?.map(of) ?? [])
      );
      rows.push(row(`${rate / 1000} k/s, ${percentile}`, "µs", ours, peer));
      pace.say(rows[rows.length - 1]);
    }
  }
  return {
    title: "Latency of an echo of 64 bytes at a fixed rate",
    notes: [
      "From when the generator put a request into the ring to when it found the reply.",
      "Two processors that others share too: the longest are theirs, and no goal is set.",
    ],
    rows,
  };
}
