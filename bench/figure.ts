/** Nanoseconds per echo: of all blocks. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median and extremes. */
export function figure(values: Float64Array): Figure {
  const sorted = values.toSorted();
  return {
    median: round(sorted[sorted.length >>> 1]),
    min: round(sorted[0]),
    max: round(sorted[sorted.length - 1]),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Block by block, as neighbours in time had the same machine. */
export function medianDifference(values: Float64Array, less: Float64Array): number {
  return figure(values.map((value, i) => value - less[i])).median;
}
