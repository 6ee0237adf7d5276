import { assertEquals } from "@std/assert";

/**
 * A young generation so small that a few bytes a packet fill it; and code that is optimized at once,
 * not when another thread has had the time: until then it does allocate.
 */
const V8_FLAGS = "--v8-flags=--trace-gc,--expose-gc,--max-semi-space-size=1," +
  "--no-concurrent-recompilation";

/**
 * Code that V8 never optimizes, as is most of what runs each millisecond only: there's garbage that
 * optimized code does without. And a young generation with room for all of it.
 */
const UNOPTIMIZED = "--v8-flags=--trace-gc,--expose-gc,--min-semi-space-size=64," +
  "--max-semi-space-size=64,--no-opt";

const RUNS = 3;

/**
 * Runs a program of this folder, which asks for two collections of garbage: V8's lines about those in
 * between.
 */
export async function collections(
  program: string,
  ...args: readonly string[]
): Promise<string[]> {
  return (await trace(V8_FLAGS, program, args)).slice(1, -1);
}

/**
 * The same of the run with the fewest, of three at most: on a machine that's busy V8 may optimize code
 * only when the packets are under way. What allocates by itself does so in each run.
 */
export async function fewestCollections(
  program: string,
  ...args: readonly string[]
): Promise<string[]> {
  let fewest: string[] | null = null;
  for (let run = 0; run < RUNS && fewest?.length !== 0; run++) {
    const lines = await collections(program, ...args);
    if (fewest === null || lines.length < fewest.length) fewest = lines;
  }
  return fewest ?? [];
}

/** The same, never optimized: bytes that it has allocated in between, give or take 0.1 MiB. */
export async function allocatedBytes(
  program: string,
  ...args: readonly string[]
): Promise<number> {
  let bytes = 0;
  let before = NaN;
  for (const line of await trace(UNOPTIMIZED, program, args)) {
    const [, from, to] = /(\d+\.\d) \([\d.]+\) -> (\d+\.\d) /.exec(line) ?? [];
    if (!Number.isNaN(before)) bytes += (Number(from) - before) * 2 ** 20;
    before = Number(to);
  }
  return bytes;
}

/** V8's lines about all collections from the first one that the program asks for to the second one. */
async function trace(
  v8Flags: string,
  program: string,
  args: readonly string[],
): Promise<string[]> {
  const path = new URL(program, import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", v8Flags, path];
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...deno, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n")
    .filter((line) => /ms: (Scavenge|Mark-Compact)/.test(line));
  const marks = lines.flatMap((line, i) => line.includes(" testing;") ? [i] : []);
  assertEquals(marks.length, 2, `the program asks for two collections:\n${lines.join("\n")}`);
  return lines.slice(marks[0], marks[1] + 1);
}
