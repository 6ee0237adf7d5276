import { residentBytes } from "../../tests/integration/proc.ts";
import { SIDES } from "./front_ends.ts";
import { longRun, pause, type Setup } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Row, row, type Section, side } from "./row.ts";

const SETUP: Setup = { ring: "split", ringSize: 256 };
const MIB = 2 ** 20;
const ECHOES = 1e8;
/** Beyond those: what goes by until it's counted. */
const WARM_UP_ECHOES = 2e7;
const WARM_UP_MS = 1500;
/** Seconds after the start. */
const LOOKS = [2, 10, 30];

/** What a long run does to a front-end: memory, and what V8 collects. */
export async function endurance(pace: Pace): Promise<Section> {
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    pace.say(row);
  };
  const memory = new Map<string, number[]>();
  for (const { name, start } of SIDES) {
    const resident: number[] = [];
    await longRun(start, SETUP, [`--seconds=${LOOKS[LOOKS.length - 1] + 1}`], async (frontEnd) => {
      let waited = 0;
      for (const look of LOOKS) {
        await pause(1000 * (look - waited));
        waited = look;
        resident.push(residentBytes(frontEnd.pid) / MIB);
      }
    });
    memory.set(name, resident);
  }
  for (const [i, look] of LOOKS.entries()) {
    const [ours, peer] = SIDES.map(({ name }) => side(name, [memory.get(name)?.[i] ?? NaN]));
    add(row(`memory after ${look} s`, "MiB", ours, peer));
  }
  const flags = [`--echoes=${ECHOES + WARM_UP_ECHOES}`];
  const { packets, collections } = await longRun(SIDES[0].start, SETUP, flags, async (frontEnd) => {
    await pause(WARM_UP_MS);
    await frontEnd.begin();
  });
  add(
    row(
      `collections of garbage in ${(packets / 1e6).toFixed(0)} M echoes`,
      "collections",
      side("ukdeno", [collections]),
      null,
      { of: "ours", bound: "at most", value: 0 },
    ),
  );
  return {
    title: "A long run",
    notes: [
      "Under full load of the generator. testpmd's memory is what it takes at the start for packets.",
      "The packet path allocates nothing; each millisecond has a turn of Deno's event loop, which does.",
    ],
    rows,
  };
}
