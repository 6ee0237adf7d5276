import { type Cell, CELLS, onOff, QUEUE_PAIRS, RINGS, stateOf, TRANSPORTS } from "./cells.ts";

/** What to show for a cell: `ok`, `WRONG`, or why it wasn't run. */
export type Outcome = (cell: Cell) => string;

/** Of one cell; a row of them says it in words. */
const NOT_BUILT = "-";

/** Columns of text: the first three, and all others. */
const WIDTHS = [10, 6, 12];
const OUTCOME_WIDTH = 5;

/** Rows are transport, ring and queue pairs; columns are what is switched on and off. */
export function matrixTable(outcome: Outcome): string {
  const columns = CELLS.slice(0, 8);
  const head = [
    ["", "", "mrg_rxbuf", ...columns.map(({ mrgRxbuf }) => onOff(mrgRxbuf))],
    ["", "", "event_idx", ...columns.map(({ eventIdx }) => onOff(eventIdx))],
    ["transport", "ring", "indirect", ...columns.map(({ indirectDesc }) => onOff(indirectDesc))],
  ];
  const body = TRANSPORTS.flatMap((transport) =>
    RINGS.flatMap((ring) =>
      QUEUE_PAIRS.map((queuePairs) => {
        const cells = CELLS.filter((cell) =>
          cell.transport === transport && cell.ring === ring && cell.queuePairs === queuePairs
        );
        const place = queuePairs === 1 ? "1 pair, hub" : `${queuePairs} pairs, TAP`;
        return [transport, ring, place, ...alike(cells.map(outcome))];
      })
    )
  );
  return aligned([...head, ...body]);
}

/** What there is to say of a cell that isn't run. */
export function withoutRun(cell: Cell): string {
  const state = stateOf(cell);
  return state.kind === "n/a" ? "n/a" : state.kind === "runs" ? "" : NOT_BUILT;
}

/** What is the same in a whole row stands there once, in words. */
function alike(outcomes: readonly string[]): readonly string[] {
  const [first] = outcomes;
  if (!outcomes.every((outcome) => outcome === first)) return outcomes;
  return first === "n/a" ? ["n/a"] : first === NOT_BUILT ? ["not built yet"] : outcomes;
}

function aligned(rows: readonly (readonly string[])[]): string {
  return rows.map((row) =>
    row.map((text, column) => text.padEnd(WIDTHS[column] ?? OUTCOME_WIDTH)).join("  ").trimEnd()
  ).join("\n");
}
