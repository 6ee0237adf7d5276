/**
 * What a section of the comparison returns: rows of figures, ours beside a peer's.
 *
 * @module
 */

/** One side of a comparison: who it is, and what each round measured. */
export interface Side {
  /** As the table calls it: "ukdeno", "testpmd icmpecho", "Linux, veth", "1 address". */
  readonly name: string;
  /** One figure a round, in the order in which they were taken, in the row's unit. */
  readonly samples: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What a row is to reach. */
export interface Goal {
  /** What is held against it: `ours / peer` of the medians, or the median of ours. */
  readonly of: "ratio" | "ours";
  readonly bound: "at most" | "at least";
  readonly value: number;
}

/** One thing that was measured. */
export interface Row {
  /** What was measured, the unit left out: "64 B, burst 32, split". */
  readonly name: string;
  /** "ns/echo", "M echoes/s", "µs", … */
  readonly unit: string;
  readonly ours: Side;
  /** Null where there's nobody to compare with. */
  readonly peer: Side | null;
  /** Median of ours divided by the peer's, or null. */
  readonly ratio: number | null;
  readonly goal: Goal | null;
  /** Whether the goal was met; null without one. */
  readonly met: boolean | null;
}

/** A table of them, under a title. */
export interface Section {
  readonly title: string;
  /** How it was measured, one sentence a line, for whoever wants to judge the figures. */
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}

/** A side, from its samples: `RangeError` when there's none, or one that is no finite number. */
export function side(name: string, samples: readonly number[]): Side {
  if (samples.length === 0 || !samples.every(Number.isFinite)) {
    throw new RangeError(`${name}: no figures to compare in [${samples.join(", ")}]`);
  }
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    name,
    samples,
    median: median(sorted),
    min: sorted[0],
    max: sorted[sorted.length - 1],
  };
}

/** A row, from its sides: what follows from them is added. */
export function row(
  name: string,
  unit: string,
  ours: Side,
  peer: Side | null = null,
  goal: Goal | null = null,
): Row {
  const ratio = peer === null ? null : ours.median / peer.median;
  return { name, unit, ours, peer, ratio, goal, met: isMet(goal, ours.median, ratio) };
}

function isMet(goal: Goal | null, ours: number, ratio: number | null): boolean | null {
  if (goal === null) return null;
  const figure = goal.of === "ours" ? ours : ratio;
  if (figure === null) return null;
  return goal.bound === "at most" ? figure <= goal.value : figure >= goal.value;
}

/** Of an even number of samples, the mean of the two in the middle. */
function median(sorted: readonly number[]): number {
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
