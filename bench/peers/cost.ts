import { alternate } from "./alternate.ts";
import { countedRun, type Setup } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Goal, type Row, row, type Section } from "./row.ts";

/** Bytes of a frame in memory, without FCS. */
const FRAME_BYTES = 64;
const RING_SIZE = 256;

/** Frames that come at once, and what is to be reached with them. */
const BURSTS: readonly (readonly [burst: number, goal: Goal | null])[] = [
  [1, { of: "ratio", bound: "at most", value: 1 }],
  [8, null],
  [32, { of: "ratio", bound: "at most", value: 0.5 }],
  [64, null],
];

/** What an echo costs the front-end: nanoseconds of its core, the waiting left out. */
export async function cost(pace: Pace): Promise<Section> {
  const rows: Row[] = [];
  for (const ring of ["split", "packed"] as const) {
    for (const [burst, goal] of BURSTS) {
      const setup = { ring, ringSize: RING_SIZE };
      rows.push(await costRow(`burst ${burst}, ${ring}`, setup, burst, goal, pace));
      pace.say(rows[rows.length - 1]);
    }
  }
  // testpmd has a shorter way then.
  const setup = { ring: "split", ringSize: RING_SIZE, mergeable: false } as const;
  rows.push(await costRow("burst 32, split, mrg_rxbuf=off", setup, 32, null, pace));
  pace.say(rows[rows.length - 1]);
  return {
    title: `Cost of an echo of ${FRAME_BYTES} bytes`,
    notes: [
      "Nanoseconds of the front-end's core in rounds that received packets, divided by the packets;",
      "a round of this comparison is the median of nine stretches of it.",
      "testpmd counts cycles of the time-stamp counter (--record-core-cycles) and says its frequency;",
      "ours is clock_gettime before and behind each round, less what reading it costs (28 ns), and by",
      "how much rounds without packets took longer than usual: they take back what was sent.",
      "The generator on the other core gives a burst when the one before it has been answered.",
      "ukdeno verifies both checksums, all lengths and both addresses; icmpecho verifies nothing.",
    ],
    rows,
  };
}

async function costRow(
  name: string,
  setup: Setup,
  burst: number,
  goal: Goal | null,
  pace: Pace,
): Promise<Row> {
  // testpmd takes 32 at a time unless told otherwise.
  const options = { ...setup, burst: Math.max(32, burst) };
  const flags = [`--burst=${burst}`, `--size=${FRAME_BYTES}`];
  const [ours, peer] = await alternate(pace, (start) => countedRun(start, options, flags, pace));
  return row(name, "ns/echo", ours, peer, goal);
}
