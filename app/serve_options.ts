import { einfoFromArguments, type NetdevEinfo } from "../netdev/einfo.ts";
import { splitCommandLine } from "../netdev/kernel_command_line.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import { DEVICE_FLAGS, type DeviceOptions, parseDevices } from "./device_options.ts";
import { type Flag, parseFlags, parseNumber } from "./flags.ts";
import type { LogFormat } from "./log.ts";
import { UsageError } from "./usage_error.ts";

/** Flag of every command by which frames pass. */
export const PCAP_FLAG: Flag = {
  name: "pcap",
  value: "FILE",
  help: "write all frames received and sent to FILE, for tshark and Wireshark",
};

/** Flags of `serve`. */
export const SERVE_FLAGS: readonly Flag[] = [
  ...DEVICE_FLAGS,
  {
    name: "busy-poll",
    value: "MICROSECONDS",
    help: "go on polling so long before sleeping (default 50)",
  },
  {
    name: "tx-checksum",
    value: "host|nic",
    help: "who makes the checksum of echo replies, if the device can (default host)",
  },
  PCAP_FLAG,
  { name: "log", value: "text|json", help: "how to print what happens (default text)" },
  { name: "duration", value: "SECONDS", help: "stop after so long (default: run until Ctrl-C)" },
];

/** The parameter of a kernel command line that gives devices their addresses. */
const EINFO = "netdev.ip";

/** What `serve` is to do. */
export interface ServeOptions {
  /** One at least, each with a host on it. */
  readonly devices: readonly DeviceOptions[];
  /** Milliseconds. */
  readonly busyPoll: number;
  /** Whether the checksum of echo replies is left to devices that can make it. */
  readonly leaveChecksums: boolean;
  /** File for a capture, or null. */
  readonly pcap: string | null;
  readonly log: LogFormat;
  /** Milliseconds, or Infinity. */
  readonly duration: number;
}

/** Reads the arguments of `serve`. `UsageError` when one can't be. */
export function parseServe(args: readonly string[]): ServeOptions {
  const parsed = parseFlags(args, SERVE_FLAGS);
  const { values, positional } = parsed;
  const duration = values.get("duration");
  return {
    devices: parseDevices(parsed, parseEinfo("serve", positional)),
    busyPoll:
      parseNumber("--busy-poll", values.get("busy-poll") ?? "50", { min: 0, max: 1_000_000 }) /
      1000,
    leaveChecksums: parseTxChecksum(values.get("tx-checksum") ?? "host"),
    pcap: values.get("pcap") ?? null,
    log: parseLogFormat(values.get("log") ?? "text"),
    duration: duration === undefined
      ? Infinity
      : 1000 * parseNumber("--duration", duration, { min: 0.001, max: 1e9, fraction: true }),
  };
}

/**
 * Reads arguments as a kernel command line has them, of which only Unikraft's `netdev.ip` is known;
 * a list of several may be one argument or several. `UsageError` for anything else, in the name of the
 * command.
 */
export function parseEinfo(command: string, positional: readonly string[]): readonly NetdevEinfo[] {
  try {
    const args = positional.flatMap(splitCommandLine);
    let inList = false;
    for (const arg of args) {
      if (!inList && !arg.startsWith(`${EINFO}=`)) {
        throw new UsageError(
          `${command} takes no argument "${arg}", but flags and ${EINFO}=CIDR[:GATEWAY…]`,
        );
      }
      inList = (inList || arg.startsWith(`${EINFO}=[`)) && !arg.endsWith("]");
    }
    return einfoFromArguments(args);
  } catch (error) {
    if (error instanceof NetdevError) throw new UsageError(error.message);
    throw error;
  }
}

function parseTxChecksum(text: string): boolean {
  if (text === "host" || text === "nic") return text === "nic";
  throw new UsageError(`--tx-checksum=${text}: host and nic are possible`);
}

function parseLogFormat(text: string): LogFormat {
  if (text === "text" || text === "json") return text;
  throw new UsageError(`--log=${text}: text and json are possible`);
}
