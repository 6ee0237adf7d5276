import type { EchoPath } from "./echo_paths.ts";

/** Echoes that are timed together: one reading of the clock costs as much as several of them. */
export const BLOCK_ECHOES = 32_768;

/** Nanoseconds per echo of each block, by path and by burst size. */
export type BlockTimes = readonly (readonly Float64Array[])[];

/**
 * Times `blocks` blocks of each path at each burst size. Paths and sizes take turns, so that
 * whatever else the machine does meanwhile is spread over all of them.
 */
export function timeBlocks(
  paths: readonly EchoPath[],
  bursts: readonly number[],
  blocks: number,
): BlockTimes {
  const times = paths.map(() => bursts.map(() => new Float64Array(blocks)));
  for (let block = 0; block < blocks; block++) {
    bursts.forEach((burst, b) => {
      paths.forEach((path, p) => times[p][b][block] = timeBlock(path, burst));
    });
  }
  return times;
}

function timeBlock(path: EchoPath, burst: number): number {
  const { partner } = path;
  const { taken } = partner;
  const turns = BLOCK_ECHOES / burst;
  const start = performance.now();
  for (let i = 0; i < turns; i++) {
    partner.offer(burst);
    path.turn(burst);
    partner.take();
  }
  const elapsed = performance.now() - start;
  if (partner.taken - taken !== BLOCK_ECHOES) {
    throw new Error(`${path.name}: ${partner.taken - taken} of ${BLOCK_ECHOES} frames came back`);
  }
  return elapsed * 1e6 / BLOCK_ECHOES;
}
