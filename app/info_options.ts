import type { DeviceOptions } from "./device_options.ts";
import { type Flag, parseFlags } from "./flags.ts";
import type { LogFormat } from "./log.ts";
import { parseEinfo, parseServe, SERVE_FLAGS } from "./serve_options.ts";

/** Flags of `serve` that say which device it is, and how to print. */
const SHARED = ["device", "mac", "mtu", "ring", "ring-size", "queues", "netdev", "log"];

/** In place of an address, when none is given: only QEMU's user network has a default one. */
const ANY_ADDRESS = "10.0.2.15/24";

/** Flags of `info`, which tells of one device. */
export const INFO_FLAGS: readonly Flag[] = SERVE_FLAGS
  .filter(({ name }) => SHARED.includes(name))
  .map((flag) => ({ ...flag, repeats: false }));

/** What `info` is to tell of, and how. */
export interface InfoOptions {
  readonly device: DeviceOptions;
  readonly log: LogFormat;
}

/** Reads the arguments of `info`: what `serve` would be given. `UsageError` when one can't be. */
export function parseInfo(args: readonly string[]): InfoOptions {
  const { positional } = parseFlags(args, INFO_FLAGS);
  const hasAddress = parseEinfo("info", positional)[0]?.IPV4_CIDR !== undefined;
  // The address is of no matter, beyond the MAC address that is made of it.
  const address = hasAddress ? [] : [`--ip=${ANY_ADDRESS}`];
  const { devices, log } = parseServe([...address, ...args]);
  return { device: devices[0], log };
}
