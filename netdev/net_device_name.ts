import { NetdevError } from "./netdev_error.ts";

/** Bytes of the longest name: Linux's IFNAMSIZ, less the zero that ends it there. */
const MAX_NAME_BYTES = 15;

const encoder = new TextEncoder();

/**
 * A device may have this name, or names of this pattern: 1 to 15 bytes as UTF-8, no white space, `/`
 * or `:`, not `.` or `..` (Linux: dev_valid_name); and `%` at most once, as `%d`, where a number goes.
 * `NetdevError("EINVAL")` otherwise.
 */
export function checkName(name: string): void {
  const bytes = encoder.encode(name).length;
  if (bytes < 1 || bytes > MAX_NAME_BYTES) {
    throw refusal(name, `1 to ${MAX_NAME_BYTES} bytes are possible, not ${bytes}`);
  }
  if (name === "." || name === "..") throw refusal(name, "that is a directory's name");
  if (/[\s/:]/.test(name)) throw refusal(name, "no white space, / or : is possible");
  if (/%(?!d)|%.*%/.test(name)) throw refusal(name, "% is possible once, as %d");
}

/**
 * The name itself, or for a pattern the one with the lowest number that isn't in use.
 * `NetdevError("EEXIST")` when a name is, and `NetdevError("EINVAL")` when the number makes it too long.
 */
export function resolveName(pattern: string, taken: (name: string) => boolean): string {
  if (!pattern.includes("%d")) {
    if (!taken(pattern)) return pattern;
    throw new NetdevError("EEXIST", `a device named "${pattern}" is registered already`);
  }
  let number = 0;
  while (taken(numbered(pattern, number))) number++;
  const name = numbered(pattern, number);
  checkName(name);
  return name;
}

function numbered(pattern: string, number: number): string {
  return pattern.replace("%d", String(number));
}

function refusal(name: string, why: string): NetdevError {
  return new NetdevError("EINVAL", `device name ${JSON.stringify(name)}: ${why}`);
}
