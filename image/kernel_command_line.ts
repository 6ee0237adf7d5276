import { ImageError } from "./image_error.ts";

/** Where Deno is in the guest: the kernel starts it as the first process. */
export const GUEST_DENO = "/bin/deno";
/** The program that it runs. */
export const GUEST_SCRIPT = "/app/init.js";
/** Where Deno has its caches. */
export const GUEST_DENO_DIR = "/deno";

/** asm/setup.h: COMMAND_LINE_SIZE, with the zero at its end. */
const COMMAND_LINE_SIZE = 2048;
/** init/main.c: CONFIG_INIT_ENV_ARG_LIMIT. */
const MAX_INIT_ARGS = 32;

/**
 * V8's optimizing compiler is to wait until a function has run a million times, not 3000. On an emulated
 * processor it takes a second and a half for the path of a packet, in which packets wait, too, and makes
 * little of it better than Maglev before it did; on a real one a million is a matter of seconds.
 *
 * Maglev is to wait for 900 calls, not 400: then there's nothing for it to do before the first packet.
 *
 * All of a script is compiled at once: the image has that of the program, and a cache of code is good only
 * for the flags that it was made with.
 */
export const V8_FLAGS = `--v8-flags=${
  [
    "--invocation-count-for-turbofan=1000000",
    "--invocation-count-for-maglev=900",
    "--no-lazy",
  ].join(",")
}`;

/** What Deno is told, before the script. */
const DENO_ARGS = ["run", "-A", V8_FLAGS, "--no-check"];

/** What the kernel is told: words that it doesn't know are variables of Deno's environment. */
const WORDS = [
  "console=ttyS0",
  "quiet",
  `rdinit=${GUEST_DENO}`,
  // A panic ends the machine at once.
  "panic=-1",
  "intel_iommu=on",
  // All of memory may hold files. A tmpfs takes half, which wants a machine of twice the archive more.
  "rootfstype=ramfs",
  // A tenth of a second each: self-tests of ciphers, and zeroing pages that are written anyway.
  "cryptomgr.notests",
  "init_on_alloc=0",
  // On a busy host an emulated timer may come too late for a test at boot, which then panics.
  "no_timer_check",
  // Else to read the clock is a system call: on a machine that may get a second processor the kernel
  // doesn't trust this counter, nor on a busy host, where the watchdog of it comes too late.
  "tsc=reliable",
  `DENO_DIR=${GUEST_DENO_DIR}`,
  "DENO_NO_UPDATE_CHECK=1",
  "NO_COLOR=1",
];

/**
 * The kernel command line on which the image becomes an appliance. `args`: those of main.ts;
 * `parameters`: more words for the kernel or the appliance, such as `netdev.ip=10.0.2.15/24`. `ImageError`
 * when they don't fit, or have a quotation mark, which the kernel has no way to write.
 */
export function kernelCommandLine(
  args: readonly string[],
  parameters: readonly string[] = [],
): string {
  const words = [...WORDS, ...parameters];
  const initArgs = [...DENO_ARGS, GUEST_SCRIPT, ...args];
  if (initArgs.length > MAX_INIT_ARGS) {
    throw new ImageError(`a kernel command line takes no ${args.length} arguments`);
  }
  const line = [...words, "--", ...initArgs].map(quote).join(" ");
  if (line.length >= COMMAND_LINE_SIZE) {
    throw new ImageError(
      `a kernel command line takes ${COMMAND_LINE_SIZE - 1} bytes, not ${line.length}`,
    );
  }
  return line;
}

function quote(word: string): string {
  if (/["\n\0]/.test(word) || word === "") {
    throw new ImageError(`a kernel command line can't have the word ${JSON.stringify(word)}`);
  }
  return /\s/.test(word) ? `"${word}"` : word;
}
