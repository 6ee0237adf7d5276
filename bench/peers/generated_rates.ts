import { alternate } from "./alternate.ts";
import { generatedRun } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Goal, type Row, row, type Section, side } from "./row.ts";
import { significant } from "./table.ts";

/** Bytes of a frame in memory, without FCS. */
const FRAMES = [64, 512, 1514];
const RING_SIZE = 256;
const GOAL: Goal = { of: "ratio", bound: "at least", value: 1.1 };

/** How many a second: our own generator, which compares a reply in 64 whole. */
export async function generatedRates(pace: Pace): Promise<Section> {
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const frameBytes of FRAMES) {
    for (const ring of ["split", "packed"] as const) {
      const flags = [`--size=${frameBytes}`, `--window=${RING_SIZE}`];
      const ownCosts: number[] = [];
      const [ours, peer] = await alternate(pace, async (start) => {
        const result = await generatedRun(start, { ring, ringSize: RING_SIZE }, flags, pace);
        ownCosts.push(result.ownNsPerEcho);
        return result.echoesPerSecond / 1e6;
      });
      const name = `${frameBytes} B, ${ring}`;
      rows.push(row(name, "M echoes/s", ours, peer, frameBytes === 64 ? GOAL : null));
      pace.say(rows[rows.length - 1]);
      const own = side("generator", ownCosts).median;
      notes.push(
        `${name}: the generator itself takes ${significant(own)} ns an echo, ` +
          `so no front-end gets more than ${significant(1000 / own)} M echoes/s.`,
      );
    }
  }
  return {
    title: "Throughput, from our own generator",
    notes: [
      `A closed loop with ${RING_SIZE} requests on their way, in rings of as many.`,
      "Each reply is one that was waited for, and of one in 64 all bytes and sums are compared.",
      ...notes,
    ],
    rows,
  };
}
