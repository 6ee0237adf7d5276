import { unspoilt } from "./alternate.ts";
import { SIDES } from "./front_ends.ts";
import { countedRun, type Setup } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Goal, row, type Section, side } from "./row.ts";

const BURST = 32;
const SETUP: Setup = { ring: "split", ringSize: 256 };

/** In 10.0.0.0/8 it's an address like any other. */
const FIRST = "10.9.0.0";
const RANGES: readonly (readonly [addresses: number, ip: string])[] = [
  [1, `${FIRST}/8`],
  [256, `${FIRST}-10.9.0.255/8`],
  [65_536, `${FIRST}-10.9.255.255/8`],
];
const GOAL: Goal = { of: "ratio", bound: "at most", value: 1.1 };

/** What an echo costs us with many addresses, beside what it costs with one. */
export async function addresses(pace: Pace): Promise<Section> {
  const figures = RANGES.map((): number[] => []);
  for (let round = 0; round < pace.rounds; round++) {
    for (const [i, [count, ip]] of RANGES.entries()) {
      const flags = [`--burst=${BURST}`, `--addresses=${count}`, `--to=${FIRST}`];
      const setup = { ...SETUP, ip };
      figures[i].push(await unspoilt(() => countedRun(SIDES[0].start, setup, flags, pace)));
    }
  }
  const [one, ...several] = RANGES.map(([count], i) =>
    side(count === 1 ? "ukdeno, 1 address" : "ukdeno", figures[i])
  );
  const rows = several.map((ours, i) =>
    row(`${RANGES[i + 1][0]} addresses`, "ns/echo", ours, one, GOAL)
  );
  rows.forEach(pace.say);
  return {
    title: "Cost of an echo with many addresses",
    notes: [`Bursts of ${BURST} of 64 bytes; each request asks another address than the last.`],
    rows,
  };
}
