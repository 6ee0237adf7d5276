import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "./usage_error.ts";

/** One flag of a command, as help shows it and the parser takes it. */
export interface Flag {
  /** Without dashes; one letter for a short flag. */
  readonly name: string;
  /** What its value looks like. */
  readonly value: string;
  /** What it does, and its default. */
  readonly help: string;
  /** Whether it may be given several times. */
  readonly repeats?: boolean;
}

/** What was given for each flag, and the arguments without a flag. */
export interface ParsedFlags {
  /** The values of flags that can be given once. */
  readonly values: ReadonlyMap<string, string>;
  /** The values of flags that may be given several times, in their order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly positional: readonly string[];
}

/** How a flag is written: `--ip=A.B.C.D/N`, `-c N`. */
export function spell(flag: Flag): string {
  return flag.name.length === 1 ? `-${flag.name} ${flag.value}` : `--${flag.name}=${flag.value}`;
}

/**
 * Takes the arguments of a command apart. `UsageError` for a flag that it doesn't have, one without
 * a value, and one given twice that doesn't repeat.
 */
export function parseFlags(args: readonly string[], flags: readonly Flag[]): ParsedFlags {
  const names = flags.map(({ name }) => name);
  const positional: string[] = [];
  const parsed = parseArgs(args, {
    string: names,
    collect: names,
    unknown: (arg, key) => {
      if (key !== undefined) throw new UsageError(`unknown flag ${arg}`);
      // Kept here as it is: parseArgs would make the number 1000 of 1e3.
      positional.push(arg);
      return false;
    },
  });
  const values = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  for (const flag of flags) {
    const given = parsed[flag.name];
    if (!Array.isArray(given) || given.length === 0) continue;
    const dashed = flag.name.length === 1 ? `-${flag.name}` : `--${flag.name}`;
    const repeats = flag.repeats ?? false;
    if (given.length > 1 && !repeats) {
      throw new UsageError(`${dashed} is given ${given.length} times`);
    }
    const texts = given.map((value: unknown) => {
      if (typeof value === "string" && value !== "") return value;
      throw new UsageError(`${dashed} needs a value: ${spell(flag)}`);
    });
    if (repeats) lists.set(flag.name, texts);
    else values.set(flag.name, texts[0]);
  }
  return { values, lists, positional: [...positional, ...parsed._.map(String)] };
}

/** A number from `min` to `max`, whole unless `fraction` is true. `UsageError` for anything else. */
export function parseNumber(
  name: string,
  text: string,
  range: { readonly min: number; readonly max: number; readonly fraction?: boolean },
): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  const { min, max, fraction = false } = range;
  if (value >= min && value <= max && (fraction || Number.isInteger(value))) return value;
  const kind = fraction ? "a number" : "a whole number";
  throw new UsageError(`${name}=${text}: ${kind} from ${min} to ${max} is needed`);
}
