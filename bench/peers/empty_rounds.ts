/**
 * How long rounds without packets took, and what of that was work.
 *
 * @module
 */

/** Nanoseconds a bucket. */
const WIDTH = 8;
/** The last one is for those that were interrupted: nobody works 8 µs for nothing. */
export const EMPTY_ROUND_BUCKETS = 1025;
/** One that takes so many times as long as the usual one has done something. */
const BUSY_FACTOR = 1.5;

/** Where a round of so many nanoseconds is counted. */
export function emptyRoundBucket(nanoseconds: number): number {
  const bucket = nanoseconds >>> 3;
  return bucket < EMPTY_ROUND_BUCKETS ? bucket : EMPTY_ROUND_BUCKETS - 1;
}

/**
 * Nanoseconds that empty rounds took beyond the usual, their median: a buffer that was sent was taken
 * back, or an index fetched that the other core had written. Of testpmd the latter isn't counted.
 */
export function deferredWork(counts: Uint32Array): number {
  const rounds = counts.subarray(0, EMPTY_ROUND_BUCKETS - 1);
  const half = rounds.reduce((sum, count) => sum + count, 0) / 2;
  let usual = 0;
  for (let seen = rounds[0]; seen < half; seen += rounds[usual]) usual++;
  let work = 0;
  for (let bucket = Math.ceil(BUSY_FACTOR * usual); bucket < rounds.length; bucket++) {
    work += rounds[bucket] * (bucket - usual) * WIDTH;
  }
  return work;
}
