import { NetdevError } from "./netdev_error.ts";

/*
 * A kernel command line as Unikraft's uklibparam has it: `PREFIX.PARAMETER=VALUE …  -- APPLICATION
 * ARGUMENTS`. A parameter that takes several values is given several times, or as a list,
 * `PREFIX.PARAMETER=[ VALUE VALUE ]`, or both.
 */

/** Ends the parameters; what follows is the application's. */
const STOP = "--";

/**
 * Takes a command line apart at its white space, as Unikraft's ukargparse does: in `"…"` and `'…'`
 * white space and the other quote mean nothing, and the quotes are dropped. `NetdevError("EINVAL")`
 * when a quote has no end.
 */
export function splitCommandLine(line: string): string[] {
  const args: string[] = [];
  let arg = "";
  let quote = "";
  for (const char of line) {
    if (quote !== "" ? char === quote : char === '"' || char === "'") {
      quote = quote === "" ? char : "";
    } else if (quote === "" && /[ \t\r\n\v]/.test(char)) {
      if (arg !== "") args.push(arg);
      arg = "";
    } else {
      arg += char;
    }
  }
  if (quote !== "") throw new NetdevError("EINVAL", `command line: a ${quote} has no end`);
  if (arg !== "") args.push(arg);
  return args;
}

/**
 * The values of the parameter `name` (`netdev.ip`), in order, up to `--`. Other parameters, which are
 * somebody else's, are left alone. `NetdevError("EINVAL")` when a list has no end, as it would hide
 * everything behind it.
 */
export function parameterValues(args: readonly string[], name: string): string[] {
  const values: string[] = [];
  /** Name of the list that we are in. */
  let list: string | null = null;
  for (const arg of args) {
    let value = arg;
    if (list === null) {
      if (arg === STOP) return values;
      const equals = arg.indexOf("=");
      if (equals < 0) continue;
      const parameter = arg.slice(0, equals);
      value = arg.slice(equals + 1);
      // Parameters of a library have a prefix; others have no lists.
      const isList = parameter.includes(".") && value.startsWith("[");
      if (!isList) {
        if (parameter === name) values.push(value);
        continue;
      }
      list = parameter;
      value = value.slice(1);
    }
    const isLast: boolean = value.endsWith("]");
    if (isLast) value = value.slice(0, -1);
    if (list === name && value !== "") values.push(value);
    if (isLast) list = null;
  }
  if (list === null) return values;
  throw new NetdevError("EINVAL", `command line: the list ${list}=[ has no ] at its end`);
}
