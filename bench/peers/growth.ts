import { alternate } from "./alternate.ts";
import { countedRun, type Setup } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Row, row, type Section } from "./row.ts";

const BURST = 32;
const SETUP: Setup = { ring: "split", ringSize: 256 };

/** Bytes of a frame in memory, without FCS. */
const FRAMES = [64, 128, 256, 512, 1024, 1514];
const QUEUES = [1, 2, 4];

/** What an echo's cost depends on. */
export async function growth(pace: Pace): Promise<Section> {
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    pace.say(row);
  };
  for (const bytes of FRAMES) {
    add(await sidesRow(`${bytes} B`, SETUP, [`--size=${bytes}`], pace));
  }
  for (const queues of QUEUES) {
    const name = queues === 1 ? "1 queue pair" : `${queues} queue pairs`;
    add(await sidesRow(name, { ...SETUP, queues }, [`--queues=${queues}`], pace));
  }
  return {
    title: "What the cost of an echo depends on",
    notes: [
      `Bursts of ${BURST}, split rings of ${SETUP.ringSize}; else as in the first table.`,
      "All queue pairs are polled by one core.",
    ],
    rows,
  };
}

async function sidesRow(
  name: string,
  setup: Setup,
  flags: readonly string[],
  pace: Pace,
): Promise<Row> {
  const [ours, peer] = await alternate(pace, (start) =>
    countedRun(
      start,
      setup,
      [`--burst=${BURST}`, ...flags],
      pace,
    ));
  return row(name, "ns/echo", ours, peer);
}
