/**
 * `deno task hostile --steps=N --seed=S --ring=packed --way="pci legacy" --watched`: hostile cards for N
 * steps, from the seed S on. What a failing run prints as its seed is the seed of one card's life:
 * `--steps=1` with the other flags as they were repeats just that.
 */

import { parseArgs } from "@std/cli/parse-args";
import { liveHostileLives } from "./hostile_lives.ts";
import { isLegacy, WAYS } from "./hostile_place.ts";

const { steps, seed, ring, way, watched } = parseArgs(Deno.args, {
  string: ["steps", "seed", "ring", "way"],
  boolean: ["watched"],
});
const before = performance.now();
try {
  const format = ring === "packed" ? "packed" : "split";
  const known = WAYS.find((name) => name === way);
  if (way !== undefined && known === undefined) throw new Error(`ways are ${WAYS.join(", ")}`);
  if (known !== undefined && isLegacy(known) && format === "packed") {
    throw new Error(`${known} has no packed rings`);
  }
  const tally = liveHostileLives(Number(steps ?? 1_000_000), Number(seed ?? 1), {
    ring: format,
    watched: watched === true,
    ...known === undefined ? {} : { way: known },
  });
  console.log(tally, `${Math.round(performance.now() - before)} ms`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
