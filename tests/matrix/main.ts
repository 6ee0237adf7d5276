/**
 * `deno task matrix`: every combination of transport, ring, features and queues on a real QEMU, each
 * with its features as QEMU sees them, ARP, and 1,000 echoes; and a table of what came of it. As root,
 * for the TAP interfaces. Status 1 when anything is wrong.
 *
 * `deno task matrix legacy event_idx=off` runs only the cells with all of these words in their names.
 */

import { TAP_IS_MISSING } from "../linux/network_namespace.ts";
import { type Cell, cellName, CELLS, stateOf } from "./cells.ts";
import { notOffered, qemuVersion } from "./not_offered.ts";
import { runCell } from "./run_cell.ts";
import { matrixTable, withoutRun } from "./table.ts";

const outcomes = new Map<Cell, string>();
const troubles: string[] = [];
const reasons = new Set<string>();
const missing = new Set<string>();
const started = performance.now();

for (const cell of CELLS) outcomes.set(cell, await outcomeOf(cell));

console.log(`\n${await qemuVersion()}\n`);
console.log(matrixTable((cell) => outcomes.get(cell) ?? "?"));
console.log("");
if (missing.size > 0) console.log(`-    not built yet: ${[...missing].join(", ")}`);
for (const reason of reasons) console.log(reason);
for (const line of await notOffered()) console.log(line);
const seconds = ((performance.now() - started) / 1000).toFixed(0);
const right = [...outcomes.values()].filter((outcome) => outcome === "ok").length;
console.log(
  `${right} combinations are right, ${troubles.length} wrong, in ${seconds} s`,
);
for (const trouble of troubles) console.error(trouble);
if (troubles.length > 0) Deno.exit(1);

async function outcomeOf(cell: Cell): Promise<string> {
  const state = stateOf(cell);
  if (state.kind === "n/a") reasons.add(`n/a  ${state.why}`);
  if (state.kind === "not built yet") missing.add(state.part);
  if (state.kind !== "runs") return withoutRun(cell);
  if (!Deno.args.every((word) => cellName(cell).includes(word))) return "";
  if (cell.queuePairs > 1 && TAP_IS_MISSING !== null) {
    reasons.add(`skip ${TAP_IS_MISSING}`);
    return "skip";
  }
  try {
    const { milliseconds } = await runCell(cell);
    console.log(`ok    ${cellName(cell)}: ${milliseconds.toFixed(0)} ms`);
    return "ok";
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.log(`WRONG ${cellName(cell)}`);
    troubles.push(`${cellName(cell)}: ${message}`);
    return "WRONG";
  }
}
