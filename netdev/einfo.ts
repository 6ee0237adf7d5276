import { parameterValues, splitCommandLine } from "./kernel_command_line.ts";

/**
 * What a device may have been given beside its hardware, for the stack on it to use (Unikraft:
 * `enum uk_netdev_einfo_type`). All of it is text, which nobody here looks into: addresses are the
 * stack's.
 */
export type NetdevEinfoType =
  /** Address, without a prefix. */
  | "IPV4_ADDR"
  /** Network mask to that. */
  | "IPV4_MASK"
  /** Address and prefix in one, instead of those two; or several of that, as the stack reads them. */
  | "IPV4_CIDR"
  /** Router. */
  | "IPV4_GW"
  /** First name server. */
  | "IPV4_DNS0"
  /** Second name server. */
  | "IPV4_DNS1"
  /** Name of the host. */
  | "IPV4_HOSTNAME"
  /** Domain that it's in. */
  | "IPV4_DOMAIN";

/** All of them. */
export const EINFO_TYPES: readonly NetdevEinfoType[] = [
  "IPV4_ADDR",
  "IPV4_MASK",
  "IPV4_CIDR",
  "IPV4_GW",
  "IPV4_DNS0",
  "IPV4_DNS1",
  "IPV4_HOSTNAME",
  "IPV4_DOMAIN",
];

/** What one device was given. */
export type NetdevEinfo = Readonly<Partial<Record<NetdevEinfoType, string>>>;

/** The parameter of a kernel command line that has an element for each device. */
const EINFO_PARAMETER = "netdev.ip";

/** The fields of an element, in order. */
const FIELDS: readonly NetdevEinfoType[] = [
  "IPV4_CIDR",
  "IPV4_GW",
  "IPV4_DNS0",
  "IPV4_DNS1",
  "IPV4_HOSTNAME",
  "IPV4_DOMAIN",
];

/**
 * Takes apart `cidr[:gw[:dns0[:dns1[:hostname[:domain]]]]]`. An empty field isn't set, and fields
 * behind the last one are ignored: those of a later Unikraft.
 */
export function parseEinfo(element: string): NetdevEinfo {
  const einfo: Partial<Record<NetdevEinfoType, string>> = {};
  const texts = element.split(":");
  FIELDS.forEach((type, index) => {
    const text = texts[index];
    if (text !== undefined && text !== "") einfo[type] = text;
  });
  return einfo;
}

/**
 * What the arguments of a kernel give to its devices: the nth `netdev.ip=…`, or the nth element of
 * `netdev.ip=[ … ]`, to the device with the number n. An empty one stands for a device that is given
 * nothing. Arguments from `--` on are the application's. `NetdevError("EINVAL")` for a list without end.
 */
export function einfoFromArguments(args: readonly string[]): NetdevEinfo[] {
  return parameterValues(args, EINFO_PARAMETER).map(parseEinfo);
}

/** {@link einfoFromArguments} of a whole command line, with quotes and white space. */
export function einfoFromCommandLine(line: string): NetdevEinfo[] {
  return einfoFromArguments(splitCommandLine(line));
}
