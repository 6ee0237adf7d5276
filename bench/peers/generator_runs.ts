import { eventually } from "../../tests/integration/appliance.ts";
import { BACK_END_CPU, DENO_RUN, type FrontEndFigures, type StartFrontEnd } from "./front_ends.ts";
import type { FrontEndOptions } from "./front_ends.ts";
import type { GeneratorResult } from "./generator_run.ts";
import type { Pace } from "./pace.ts";

/** What both sides have to say of a run. */
export interface GeneratedRun {
  readonly generator: GeneratorResult;
  readonly frontEnd: FrontEndFigures;
}

/** For starting, stopping and what the two processes do one after the other, in seconds. */
const SLACK = 0.5;

/**
 * Runs our own generator against a front-end: `flags` are the generator's, for instance
 * `--burst=32`. The front-end counts in the middle of the run, when it has been compiled; the
 * generator counts behind its own warm-up. An error when a reply is wrong or missing.
 */
export async function generatedRun(
  start: StartFrontEnd,
  frontEndOptions: Omit<FrontEndOptions, "socket">,
  flags: readonly string[],
  pace: Pace,
): Promise<GeneratedRun> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-peers-" });
  try {
    const socket = `${folder}/generator.sock`;
    const seconds = (pace.warmUp + pace.measure) / 1000 + SLACK;
    const generator = startGenerator(socket, [`--seconds=${seconds}`, ...flags]);
    await eventually("the generator listens", () => exists(socket));
    await using frontEnd = await start({ socket, ...frontEndOptions });
    await pause(pace.warmUp);
    await frontEnd.begin();
    await pause(pace.measure);
    const figures = await frontEnd.end();
    await frontEnd.proceed();
    return { generator: await generator, frontEnd: figures };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function startGenerator(socket: string, flags: readonly string[]): Promise<GeneratorResult> {
  const output = await new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "KILL", "taskset", "--cpu-list", `${BACK_END_CPU}`],
      ...[...DENO_RUN, new URL("generator.ts", import.meta.url).pathname, ...flags, socket],
    ],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const [printed, complaints] = [decoder.decode(output.stdout), decoder.decode(output.stderr)];
  if (!printed.startsWith("{")) throw new Error(`generator: ${complaints}`);
  const result: GeneratorResult = JSON.parse(printed);
  if (result.wrong > 0 || result.lost > 0) {
    throw new Error(`${result.wrong} replies wrong (${result.firstWrong}), ${result.lost} lost`);
  }
  return result;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}
