/**
 * `deno task hostile --steps=N --seed=S --ring=packed`: a hostile card for N steps, from the seed S on. What a
 * failing run prints as its seed is the seed of one card's life: `--steps=1` repeats just that.
 */

import { parseArgs } from "@std/cli/parse-args";
import { liveHostileLives } from "./hostile_lives.ts";

const { steps, seed, ring } = parseArgs(Deno.args, { string: ["steps", "seed", "ring"] });
const before = performance.now();
try {
  const format = ring === "packed" ? "packed" : "split";
  const tally = liveHostileLives(Number(steps ?? 1_000_000), Number(seed ?? 1), format);
  console.log(tally, `${Math.round(performance.now() - before)} ms`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
