import { HostileLife, type HostileLifeOptions } from "./hostile_life.ts";
import { emptyTally, type HostileTally } from "./hostile_tally.ts";

/** Steps of one life at most. */
const LIFE_STEPS = 3000;

/**
 * Lets hostile cards live, one after another, until `steps` are taken. The first has the seed `seed`
 * (any int32 but 0), and each has one of its own, which an exception names: with that as `seed`
 * and a single step it's the first, and happens again.
 */
export function liveHostileLives(
  steps: number,
  seed: number,
  options: HostileLifeOptions,
): HostileTally {
  const tally = emptyTally();
  for (let own = seed; tally.steps < steps; own = next(own)) {
    new HostileLife(own, options, tally).run(LIFE_STEPS);
  }
  return tally;
}

/** Another seed, of numbers that have nothing to do with those of this one. */
function next(seed: number): number {
  const mixed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d);
  return (Math.imul(mixed ^ mixed >>> 12, 0x297a2d39) ^ 0x5bd1e995) || 1;
}
