import {
  AddressError,
  type Ipv4Cidr,
  macFromIpv4,
  parseIpv4,
  parseIpv4Cidr,
  parseMac,
} from "../stack/mod.ts";
import { prefixMask } from "../stack/ipv4_address.ts";
import { Ipv4Interface } from "../stack/ipv4_interface.ts";
import { type DeviceUri, formatDeviceUri, parseDeviceUri } from "./device_uri.ts";
import { type Flag, parseFlags, parseNumber } from "./flags.ts";
import type { LogFormat } from "./log.ts";
import { UsageError } from "./usage_error.ts";

/** QEMU's user network: what it calls itself, and the addresses it gives (qemu(1), `-netdev user`). */
const USER_NETDEV = "user,restrict=on";
const USER_NETWORK_ADDRESS = "10.0.2.15/24";
const USER_NETWORK_GATEWAY = "10.0.2.2";

/** Name of the hub that an appliance opens and `ping` joins. */
export const DEFAULT_HUB = "ukdeno";

/** Flag of every command by which frames pass. */
export const PCAP_FLAG: Flag = {
  name: "pcap",
  value: "FILE",
  help: "write all frames received and sent to FILE, for tshark and Wireshark",
};

/** The flag for the MTU, of all commands. */
export const MTU_FLAG: Flag = {
  name: "mtu",
  value: "N",
  help: "largest IP packet in bytes, 68 to 9000 (default 1500)",
};

/** Flags of `serve`. */
export const SERVE_FLAGS: readonly Flag[] = [
  {
    name: "device",
    value: "URI",
    help: "network device, see below (default qemu)",
  },
  {
    name: "ip",
    value: "A.B.C.D/N",
    help: `address and prefix length (default ${USER_NETWORK_ADDRESS} on QEMU's user network)`,
  },
  {
    name: "gateway",
    value: "A.B.C.D",
    help:
      `router on the subnet (default ${USER_NETWORK_GATEWAY} on QEMU's user network, else none)`,
  },
  { name: "mac", value: "XX:XX:…", help: "MAC address (default 02:75 and the four address bytes)" },
  MTU_FLAG,
  {
    name: "netdev",
    value: "STRING",
    help: `QEMU's own -netdev string (default ${USER_NETDEV})`,
  },
  {
    name: "hub",
    value: "NAME",
    help: `abstract UNIX sockets NAME.0 to NAME.3 join QEMU's network (default ${DEFAULT_HUB})`,
  },
  {
    name: "busy-poll",
    value: "MICROSECONDS",
    help: "go on polling so long before sleeping (default 50)",
  },
  PCAP_FLAG,
  { name: "log", value: "text|json", help: "how to print what happens (default text)" },
  { name: "duration", value: "SECONDS", help: "stop after so long (default: run until Ctrl-C)" },
];

/** What `serve` is to do. */
export interface ServeOptions {
  readonly device: DeviceUri;
  readonly ip: Ipv4Cidr;
  readonly gateway: number | null;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly netdev: string;
  readonly hub: string;
  /** Milliseconds. */
  readonly busyPoll: number;
  /** File for a capture, or null. */
  readonly pcap: string | null;
  readonly log: LogFormat;
  /** Milliseconds, or Infinity. */
  readonly duration: number;
}

/** Reads the arguments of `serve`. `UsageError` when one can't be. */
export function parseServe(args: readonly string[]): ServeOptions {
  const { values, positional } = parseFlags(args, SERVE_FLAGS);
  if (positional.length > 0) throw new UsageError(`serve takes no argument "${positional[0]}"`);
  const device = parseDeviceUri(values.get("device") ?? "qemu");
  if (device.kind !== "qemu") refuseQemuFlags(device, values);
  const netdev = values.get("netdev") ?? USER_NETDEV;
  const onUserNetwork = device.kind === "qemu" && isUserNetwork(netdev);
  const ipText = values.get("ip") ?? defaultAddress(onUserNetwork);
  const ip = onFlag("--ip", () => parseIpv4Cidr(ipText));
  const gatewayText = values.get("gateway") ?? defaultGateway(onUserNetwork, netdev, ip);
  const macText = values.get("mac");
  const duration = values.get("duration");
  return {
    device,
    ip,
    gateway: gatewayText === undefined
      ? null
      : onFlag("--gateway", () => parseGateway(gatewayText, ip)),
    mac: macText === undefined ? macFromIpv4(ip.address) : onFlag("--mac", () => parseMac(macText)),
    mtu: parseMtu(values.get("mtu")),
    netdev,
    hub: parseHub(values.get("hub") ?? DEFAULT_HUB),
    busyPoll:
      parseNumber("--busy-poll", values.get("busy-poll") ?? "50", { min: 0, max: 1_000_000 }) /
      1000,
    pcap: values.get("pcap") ?? null,
    log: parseLogFormat(values.get("log") ?? "text"),
    duration: duration === undefined
      ? Infinity
      : 1000 * parseNumber("--duration", duration, { min: 0.001, max: 1e9, fraction: true }),
  };
}

/** Reads an MTU, 1500 unless given. `UsageError` for one that no device has. */
export function parseMtu(text = "1500"): number {
  return parseNumber("--mtu", text, { min: 68, max: 9000 });
}

/** Reads a hub's name. `UsageError` when no socket can be named so. */
export function parseHub(name: string): string {
  // unix(7): an abstract name has up to 107 bytes, and the port's number takes two.
  if (new TextEncoder().encode(name).length <= 105) return name;
  throw new UsageError(`--hub=${name}: at most 105 bytes are possible`);
}

/** Runs a parser of addresses, and has its complaint name the flag. */
export function onFlag<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}

/** `UsageError` when a flag was given that means something to QEMU only. */
export function refuseQemuFlags(device: DeviceUri, values: ReadonlyMap<string, string>): void {
  for (const name of ["netdev", "hub"]) {
    if (!values.has(name)) continue;
    throw new UsageError(`--${name} is for --device=qemu: ${formatDeviceUri(device)} has no QEMU`);
  }
}

function isUserNetwork(netdev: string): boolean {
  return netdev.split(",")[0] === "user";
}

function defaultAddress(onUserNetwork: boolean): string {
  if (onUserNetwork) return USER_NETWORK_ADDRESS;
  throw new UsageError("--ip=A.B.C.D/N is needed: only QEMU's user network has a default address");
}

/** QEMU's user network has a gateway, unless it was given other addresses than its own. */
function defaultGateway(
  onUserNetwork: boolean,
  netdev: string,
  ip: Ipv4Cidr,
): string | undefined {
  const hasDefaults = onUserNetwork && !/,(net|host)=/.test(netdev);
  const gateway = parseIpv4(USER_NETWORK_GATEWAY);
  const onSubnet = ((ip.address ^ gateway) & prefixMask(ip.prefixLength)) === 0;
  const isOther = ip.address !== gateway;
  return hasDefaults && onSubnet && isOther ? USER_NETWORK_GATEWAY : undefined;
}

function parseGateway(text: string, ip: Ipv4Cidr): number {
  const gateway = parseIpv4(text);
  // The stack makes the same check, but by then a device would have been opened.
  new Ipv4Interface(ip.address, ip.prefixLength, gateway);
  return gateway;
}

function parseLogFormat(text: string): LogFormat {
  if (text === "text" || text === "json") return text;
  throw new UsageError(`--log=${text}: text and json are possible`);
}
