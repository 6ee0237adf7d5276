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
import { side } from "./row.ts";

/**
 * Seconds that the generator goes on for, beyond what is measured: a front-end has been told to
 * count by then.
 */
const SLACK = 1;

/** The generator ends so soon after its front-end has been looked at, or it's stuck. */
const LATE_MS = 20_000;
/** The longest run that there is, and more. */
const LONG_MS = 300_000;

/** A run that is worth nothing, for instance as a process didn't get its turn: it may be repeated. */
export class SpoiltRun extends Error {
  override readonly name = "SpoiltRun";
}

/** Parts of a run that are counted one by one. */
const STRETCHES = 9;

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
  return await rightResult(generator, pace.warmUp + pace.measure + LATE_MS);
}

/**
 * What an echo costs a front-end by its own count, in nanoseconds, in the middle of such a run, when
 * it has been compiled: the median of several stretches, as what else the machine does spoils some.
 */
export async function countedRun(
  start: StartFrontEnd,
  setup: Setup,
  flags: readonly string[],
  pace: Pace,
): Promise<number> {
  const length = [
    "--warm-up=0",
    `--seconds=${(pace.warmUp + pace.measure) / 1000 + SLACK}`,
  ];
  await using generator = new GeneratorProcess([...length, ...flags], { cpu: BACK_END_CPU });
  await generator.listening();
  await using frontEnd = await start({ socket: generator.socket, ...setup, counts: true });
  await pause(pace.warmUp);
  const costs: number[] = [];
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    await frontEnd.begin();
    await pause(pace.measure / STRETCHES);
    const { packets, busyNanoseconds } = await frontEnd.end();
    // On a busy machine one of the two may not have had its turn.
    if (packets > 0) costs.push(busyNanoseconds);
  }
  await frontEnd.proceed();
  await rightResult(generator);
  if (costs.length === 0) throw new SpoiltRun("the front-end has received nothing");
  return side("stretches", costs).median;
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
  await rightResult(generator, LONG_MS);
  return await frontEnd.end();
}

async function rightResult(
  generator: GeneratorProcess,
  milliseconds: number = LATE_MS,
): Promise<GeneratorResult> {
  const late = Promise.withResolvers<never>();
  const stuck = new SpoiltRun("the generator is stuck");
  const timer = setTimeout(() => late.reject(stuck), milliseconds);
  const { result } = await Promise.race([generator.result(), late.promise])
    .finally(() => clearTimeout(timer));
  // At a fixed rate requests may be too many for the machine, which is no fault of a front-end.
  const lost = result.mode === "open" ? 0 : result.lost;
  if (result.wrong > 0) throw new Error(`${result.wrong} replies wrong: ${result.firstWrong}`);
  if (lost > 0) throw new SpoiltRun(`${lost} replies were lost`);
  return result;
}

/** Waits so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
