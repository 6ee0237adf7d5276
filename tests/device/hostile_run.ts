/**
 * `deno task hostile --steps=N --seed=S`: a hostile card for N steps, from the seed S on. What a
 * failing run prints as its seed is the seed of one card's life: `--steps=1` repeats just that.
 */

import { parseArgs } from "@std/cli/parse-args";
import { liveHostileLives } from "./hostile_lives.ts";

const { steps, seed } = parseArgs(Deno.args, { string: ["steps", "seed"] });
const before = performance.now();
try {
  const tally = liveHostileLives(Number(steps ?? 1_000_000), Number(seed ?? 1));
  console.log(tally, `${Math.round(performance.now() - before)} ms`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
