import { SIDES, type StartFrontEnd } from "./front_ends.ts";
import { SpoiltRun } from "./generator_runs.ts";
import type { Pace } from "./pace.ts";
import { type Side, side } from "./row.ts";

const ATTEMPTS = 4;

/** Measures a front-end once. */
export type Measure = (start: StartFrontEnd) => Promise<number>;

/** Lets both sides take turns, as often as the pace has it: ours and the peer's figures. */
export async function alternate(
  pace: Pace,
  measure: Measure,
): Promise<readonly [ours: Side, peer: Side]> {
  const [ours, peer] = SIDES;
  const figures: readonly [number[], number[]] = [[], []];
  for (let round = 0; round < pace.rounds; round++) {
    figures[0].push(await unspoilt(() => measure(ours.start)));
    figures[1].push(await unspoilt(() => measure(peer.start)));
  }
  return [side(ours.name, figures[0]), side(peer.name, figures[1])];
}

/** Repeats a run that was spoilt, and says so. */
export async function unspoilt<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1;; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof SpoiltRun) || attempt === ATTEMPTS) throw error;
      console.error(`  once more: ${error.message}`);
    }
  }
}
