import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { tapTest } from "../linux/network_namespace.ts";
import { type Cell, cellName, CELLS, isLegacy, type Part, stateOf } from "./cells.ts";
import { pairsOf, pairwise } from "./pairwise.ts";
import { runCell } from "./run_cell.ts";
import { matrixTable, withoutRun } from "./table.ts";

const EVERYTHING: ReadonlySet<Part> = new Set<Part>([
  ...["pci modern", "pci legacy", "mmio v2", "mmio v1"] as const,
  ...["split", "packed", "indirect_desc", "4 queue pairs"] as const,
]);

/** Cells that can be run with these parts. */
function running(built?: ReadonlySet<Part>): Cell[] {
  return CELLS.filter((cell) => stateOf(cell, built).kind === "runs");
}

// All of them are run by `deno task matrix`.
for (const cell of pairwise(running())) {
  const name = `on a real QEMU: ${cellName(cell)}`;
  const run = async (): Promise<void> => void await runCell(cell);
  if (cell.queuePairs > 1) tapTest(name, run);
  else Deno.test(name, run);
}

Deno.test("a few cells have every pair of values that any has", () => {
  for (const cells of [running(), running(EVERYTHING)]) {
    const few = pairwise(cells);
    assertEquals(new Set(few.flatMap(pairsOf)), new Set(cells.flatMap(pairsOf)));
    assert(few.length <= 14, `${few.length} cells are more than a few`);
    assertEquals(few, pairwise(cells), "the same in every run");
  }
});

Deno.test("of all combinations only packed rings on a legacy device can't exist", () => {
  const others = CELLS.filter((cell) => stateOf(cell, EVERYTHING).kind !== "runs");
  assertEquals(others, CELLS.filter((cell) => isLegacy(cell.transport) && cell.ring === "packed"));
  assertEquals([CELLS.length, others.length], [128, 32]);
});

Deno.test("a cell says which part it lacks", () => {
  const [cell] = CELLS;
  assertEquals(stateOf(cell, new Set()), { kind: "not built yet", part: "pci modern" });
  assertEquals(stateOf(cell, EVERYTHING), { kind: "runs" });
});

Deno.test("the table has a column for what is switched, and a row for the rest", () => {
  const wrong = CELLS[1];
  const lines = matrixTable((cell) => {
    if (cell === wrong) return "WRONG";
    return stateOf(cell, EVERYTHING).kind === "runs" ? "ok" : withoutRun(cell);
  }).split("\n");
  assertEquals(lines.length, 3 + 16);
  assertEquals(lines[3].split(/ {2,}/), [
    ...["pci modern", "split", "1 pair, hub"],
    ...["ok", "WRONG", "ok", "ok", "ok", "ok", "ok", "ok"],
  ]);
  assertEquals(lines[9].split(/ {2,}/), ["pci legacy", "packed", "1 pair, hub", "n/a"]);
});

Deno.test("the README shows the table of today, with nothing wrong", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const today = matrixTable((cell) => stateOf(cell).kind === "runs" ? "ok" : withoutRun(cell));
  assertStringIncludes(readme, today);
});
