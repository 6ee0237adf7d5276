import { buildImage } from "../../image/build_image.ts";
import { kernelCommandLine } from "../../image/kernel_command_line.ts";
import { HOST_IP } from "../../tests/stack/frames.ts";
import { type BootFiles, busyboxImage } from "./busybox_image.ts";
import { type BootTimes, busyboxTimes, ukdenoTimes } from "./boot_times.ts";
import type { ConsoleLine } from "./console_lines.ts";

/** Where each is built: the image, in its place, and the other. */
const IMAGE = new URL("../../image/out", import.meta.url).pathname;
const BUSYBOX = "/tmp/ukdeno-busybox";

/** A guest that answers at {@link HOST_IP}, and how to read what it prints. */
export interface Guest extends BootFiles {
  readonly name: string;
  readonly commandLine: string;
  /** When it got where, from its console; null as long as it hasn't said all of it. */
  readonly times: (lines: readonly ConsoleLine[]) => BootTimes | null;
  /** What to type to be told about memory, and what the answers are: kB in the first group. */
  readonly memory: {
    readonly ask: string;
    readonly total: RegExp;
    readonly available: RegExp;
    /** Of the appliance's process; null where there's none to speak of. */
    readonly resident: RegExp | null;
  };
}

/** Both guests, built: ours, and what a user would have instead. */
export async function bothGuests(): Promise<readonly [ours: Guest, peer: Guest]> {
  const image = await buildImage(IMAGE);
  const busybox = await busyboxImage(BUSYBOX);
  const line = kernelCommandLine([], [`netdev.ip=${HOST_IP}/24`]);
  return [
    {
      name: "ukdeno",
      ...image,
      commandLine: line,
      times: ukdenoTimes,
      memory: {
        ask: "report",
        total: /^memory_total_kb (\d+)/,
        available: /^memory_available_kb (\d+)/,
        resident: /^resident_kb (\d+)/,
      },
    },
    {
      name: "virtio_net.ko",
      // The very same file: what differs is only what comes behind it.
      kernel: image.kernel,
      initrd: busybox.initrd,
      commandLine: withoutDeno(line),
      times: busyboxTimes,
      memory: {
        ask: "memory",
        total: /^MemTotal: +(\d+) kB/,
        available: /^MemAvailable: +(\d+) kB/,
        resident: null,
      },
    },
  ];
}

/** The kernel's own words of a command line: not which program to start, nor what to tell that. */
export function withoutDeno(commandLine: string): string {
  const [words] = commandLine.split(" -- ");
  return words.split(" ").filter((word) => !/^(rdinit|netdev\.ip|DENO_\w+|NO_COLOR)=/.test(word))
    .join(" ");
}
