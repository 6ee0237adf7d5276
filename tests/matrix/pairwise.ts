import type { Cell } from "./cells.ts";

/**
 * A few cells in which every pair of values comes that comes in any cell (the transport with the ring,
 * the ring with event_idx, and so on): most faults need no more than two things to come together. Taken
 * greedily, the first of the best each time, so that it's the same choice in every run.
 */
export function pairwise(cells: readonly Cell[]): Cell[] {
  const wanted = new Set(cells.flatMap(pairsOf));
  const chosen: Cell[] = [];
  while (wanted.size > 0) {
    const news = cells.map((cell) => pairsOf(cell).filter((pair) => wanted.has(pair)));
    const most = Math.max(...news.map(({ length }) => length));
    const best = news.findIndex(({ length }) => length === most);
    chosen.push(cells[best]);
    for (const pair of news[best]) wanted.delete(pair);
  }
  return chosen;
}

/** Every two values of a cell. */
export function pairsOf(cell: Cell): string[] {
  const values = Object.entries(cell).map(([name, value]) => `${name}=${value}`);
  return values.flatMap((value, i) => values.slice(i + 1).map((other) => `${value} ${other}`));
}
