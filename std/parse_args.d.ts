/** Types for the part of `@std/cli/parse-args` that the command line uses; see assert.d.ts for why. */

export interface ParseArgsOptions {
  /** Flags that take no value. */
  readonly boolean?: readonly string[];
  /** Flags whose value is kept as text, never turned into a number. */
  readonly string?: readonly string[];
  /** Flags that may be repeated; their values come as an array. */
  readonly collect?: readonly string[];
  /** Short names: long name → short name or names. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Called for each argument that no option above names; `key` is absent for a positional one. */
  readonly unknown?: (
    arg: string,
    key?: string,
    value?: unknown,
  ) => boolean | void;
}

export interface ParsedArgs {
  /** The positional arguments. */
  readonly _: readonly (string | number)[];
  readonly [flag: string]: unknown;
}

export function parseArgs(
  args: readonly string[],
  options?: ParseArgsOptions,
): ParsedArgs;
