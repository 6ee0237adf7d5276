import {
  BACK_END_CPU,
  type FrontEnd,
  type FrontEndFigures,
  type FrontEndOptions,
  type StartFrontEnd,
} from "./front_ends.ts";
import { GeneratorProcess } from "./generator_process.ts";
import type { GeneratorResult } from "./generator_run.ts";
import type { Pace } from "./pace.ts";

/**
 * Seconds that the generator goes on for, beyond what is measured: a front-end has been told to
 * count by then.
 */
const SLACK = 1;

/** How a front-end is set up, but for where. */
export type Setup = Omit<FrontEndOptions, "socket">;

/**
 * What our own generator says of a front-end: `flags` are the generator's, for instance
 * `--rate=100000`. An error when a reply is wrong, or missing in a closed loop.
 */
export async function generatedRun(
  start: StartFrontEnd,
  setup: Setup,
  flags: readonly string[],
  pace: Pace,
): Promise<GeneratorResult> {
  const length = [`--warm-up=${pace.warmUp / 1000}`, `--seconds=${pace.measure / 1000}`];
  await using generator = new GeneratorProcess([...length, ...flags], { cpu: BACK_END_CPU });
  await generator.listening();
  await using _frontEnd = await start({ socket: generator.socket, ...setup });
  return await rightResult(generator);
}

/** What a front-end counts by itself in the middle of such a run, when it has been compiled. */
export async function countedRun(
  start: StartFrontEnd,
  setup: Setup,
  flags: readonly string[],
  pace: Pace,
): Promise<FrontEndFigures> {
  const length = [
    "--warm-up=0",
    `--seconds=${(pace.warmUp + pace.measure) / 1000 + SLACK}`,
  ];
  await using generator = new GeneratorProcess([...length, ...flags], { cpu: BACK_END_CPU });
  await generator.listening();
  await using frontEnd = await start({ socket: generator.socket, ...setup, counts: true });
  await pause(pace.warmUp);
  await frontEnd.begin();
  await pause(pace.measure);
  const figures = await frontEnd.end();
  await frontEnd.proceed();
  await rightResult(generator);
  return figures;
}

/**
 * Lets a front-end answer so many requests in a closed loop, from the first one on; meanwhile
 * `look` is called with it, once it serves. What it has counted since `look` began to.
 */
export async function longRun(
  start: StartFrontEnd,
  setup: Setup,
  flags: readonly string[],
  look: (frontEnd: FrontEnd) => Promise<void>,
): Promise<FrontEndFigures> {
  const options = { cpu: BACK_END_CPU };
  await using generator = new GeneratorProcess(["--warm-up=0", ...flags], options);
  await generator.listening();
  await using frontEnd = await start({ socket: generator.socket, ...setup, counts: true });
  await look(frontEnd);
  await rightResult(generator);
  return await frontEnd.end();
}

async function rightResult(generator: GeneratorProcess): Promise<GeneratorResult> {
  const { result } = await generator.result();
  // At a fixed rate requests may be too many for the machine, which is no fault of a front-end.
  const lost = result.mode === "open" ? 0 : result.lost;
  if (result.wrong > 0 || lost > 0) {
    throw new Error(`${result.wrong} replies wrong (${result.firstWrong}), ${lost} lost`);
  }
  return result;
}

/** Waits so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
