import type { ConsoleLine } from "./console_lines.ts";

/** When a guest got where, in milliseconds since QEMU was started. */
export interface BootTimes {
  /** The kernel's clock begins: before are QEMU, the firmware, and the kernel's first steps. */
  readonly kernel: number;
  /** The kernel starts the first process. */
  readonly init: number;
  /** That has come to its own first line. */
  readonly program: number;
  /** It has loaded the modules that it wants. */
  readonly modules: number;
  /** It has an address, and answers. */
  readonly ready: number;
}

const UKDENO =
  /^ukdeno: kernel ([\d.]+) s, deno ([\d.]+) s, modules ([\d.]+) s, since then ([\d.]+) s/;
const BUSYBOX = /^busybox: begun ([\d.]+) s, loaded ([\d.]+) s, ready ([\d.]+) s/;

/**
 * Of the image: a line has how long each part took, up to that line, and `ready:` is printed when it is.
 * The line itself arrives some milliseconds later, which go to the kernel's account.
 */
export function ukdenoTimes(lines: readonly ConsoleLine[]): BootTimes | null {
  const line = find(lines, UKDENO);
  const ready = find(lines, /^ready: /);
  if (line === null || ready === null) return null;
  const [kernel, deno, modules, since] = line.seconds.map((seconds) => 1000 * seconds);
  const begun = line.at - kernel - deno - modules - since;
  return {
    kernel: begun,
    init: begun + kernel,
    program: begun + kernel + deno,
    modules: line.at - since,
    ready: ready.at,
  };
}

/** Of busybox_init.sh: its line has times of the kernel's clock, in hundredths, and the last is now. */
export function busyboxTimes(lines: readonly ConsoleLine[]): BootTimes | null {
  const line = find(lines, BUSYBOX);
  if (line === null) return null;
  const [begun, loaded, ready] = line.seconds.map((seconds) => 1000 * seconds);
  const kernel = line.at - ready;
  // A shell begins at once, as far as that clock can tell.
  const init = kernel + begun;
  return { kernel, init, program: init, modules: kernel + loaded, ready: line.at };
}

function find(
  lines: readonly ConsoleLine[],
  pattern: RegExp,
): { readonly at: number; readonly seconds: readonly number[] } | null {
  for (const { text, at } of lines) {
    const found = pattern.exec(text);
    if (found !== null) return { at, seconds: found.slice(1).map(Number) };
  }
  return null;
}

/** A part of the way from the start to the first answer. */
export interface Stage {
  readonly name: string;
  /** Milliseconds that it took. */
  readonly of: (times: BootTimes, firstAnswer: number) => number;
}

/** The whole way, in order: together they are the time to the first answer. */
export const STAGES: readonly Stage[] = [
  { name: "firmware", of: ({ kernel }) => kernel },
  { name: "kernel", of: ({ kernel, init }) => init - kernel },
  { name: "program", of: ({ init, program }) => program - init },
  { name: "modules", of: ({ program, modules }) => modules - program },
  { name: "driver", of: ({ modules, ready }) => ready - modules },
  { name: "first packet", of: ({ ready }, firstAnswer) => firstAnswer - ready },
];
