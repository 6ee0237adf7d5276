import { mountKernelFileSystem } from "../../drivers/ffi/mount.ts";

/*
 * Counts system calls by the kernel's own tracing: a histogram over the number of the call
 * (Documentation/trace/histogram.rst), which the kernel keeps by itself, so that counting makes no
 * system call.
 */

const TRACING = "/sys/kernel/tracing";
const EVENT = `${TRACING}/events/raw_syscalls/sys_enter`;
/** By the number of the call, and its name to be read. */
const TRIGGER = "hist:keys=id.syscall";

/** Begins to count, from zero. `ErrnoError` or one of `Deno.errors` when the kernel can't. */
export function traceOn(): void {
  mountKernelFileSystem("tracefs", TRACING);
  if (isTracing()) clear();
  Deno.writeTextFileSync(`${EVENT}/trigger`, TRIGGER);
}

/**
 * Ends counting: a line `syscalls N`, then `syscall NAME N` for each that was made, the most frequent
 * first. `Error` when nobody counted.
 */
export function traceOff(): string[] {
  if (!isTracing()) throw new Error("nothing is counted: trace on begins that");
  const histogram = Deno.readTextFileSync(`${EVENT}/hist`);
  clear();
  return traceLines(histogram);
}

function isTracing(): boolean {
  try {
    return Deno.readTextFileSync(`${EVENT}/trigger`).includes(TRIGGER);
  } catch (error) {
    // The file system is mounted when it's needed first.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function clear(): void {
  Deno.writeTextFileSync(`${EVENT}/trigger`, `!${TRIGGER}`);
}

/** Reads a histogram: `{ id: NAME [NUMBER] } hitcount: COUNT` on a line for each key. */
export function traceLines(histogram: string): string[] {
  const counts: [string, number][] = [];
  for (const [, name, count] of histogram.matchAll(/\{ id: (\S+).*\} hitcount:\s+(\d+)/g)) {
    counts.push([name.replace(/^sys_/, ""), Number(count)]);
  }
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return [
    `syscalls ${total}`,
    ...counts.toSorted(([, a], [, b]) => b - a).map(([name, count]) => `syscall ${name} ${count}`),
  ];
}
