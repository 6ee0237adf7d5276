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
/** Few enough to tell what comes with time from what comes with packets. */
const SLOW_RATE = 100_000;
const SLOW_SECONDS = 15;
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
  const full = await collect([`--echoes=${ECHOES + WARM_UP_ECHOES}`]);
  const slow = await collect([`--rate=${SLOW_RATE}`, `--seconds=${SLOW_SECONDS}`]);
  const [ours, few] = [
    side("ukdeno", [full.perSecond]),
    side(`ukdeno, ${SLOW_RATE / 1000} k/s`, [slow.perSecond]),
  ];
  const name = `collections of garbage in ${(full.packets / 1e6).toFixed(0)} M echoes`;
  const goal = { of: "ours", bound: "at most", value: 0 } as const;
  add(row(name, "collections", side("ukdeno", [full.collections]), null, goal));
  add(row("collections at full rate", "1/s", ours, few));
  return {
    title: "A long run",
    notes: [
      "Under full load of the generator. testpmd's memory is what it takes at the start for packets.",
      "Packets leave no garbage, and a slice of the loop next to none. A turn of Deno's event loop each",
      "10 ms leaves 0.9 kB, so V8 collects 0.8 to 1.6 MB each 8 to 17 s, at any rate: a shorter run has no",
      "collection, and one that takes longer, as on a busy machine, has one now and then.",
    ],
    rows,
  };
}

/** Collections of garbage in such a run of ours. */
async function collect(
  flags: readonly string[],
): Promise<{ packets: number; collections: number; perSecond: number }> {
  let begun = 0;
  const { packets, collections } = await longRun(SIDES[0].start, SETUP, flags, async (frontEnd) => {
    await pause(WARM_UP_MS);
    await frontEnd.begin();
    begun = performance.now();
  });
  return { packets, collections, perSecond: 1000 * collections / (performance.now() - begun) };
}
