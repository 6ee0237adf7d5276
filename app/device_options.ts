import type { NetdevEinfo } from "../netdev/einfo.ts";
import {
  AddressError,
  type Ipv4Cidr,
  type Ipv4FromEinfo,
  ipv4FromEinfo,
  type Ipv4Range,
  macFromIpv4,
  parseMac,
} from "../stack/mod.ts";
import { type DeviceUri, formatDeviceUri, parseDeviceUri } from "./device_uri.ts";
import { refuseSame } from "./distinct_devices.ts";
import { type Flag, type ParsedFlags, parseNumber } from "./flags.ts";
import { parseGateway, parseOwnAddresses } from "./own_addresses.ts";
import { parseQueues, QUEUES_FLAG, refuseHub, refuseQueues } from "./queue_options.ts";
import { parseRings, RING_FLAGS, type RingOptions } from "./ring_options.ts";
import { UsageError } from "./usage_error.ts";
import {
  isUserNetwork,
  USER_NETDEV,
  USER_NETWORK_ADDRESS,
  USER_NETWORK_GATEWAY,
  USER_NETWORK_PREFIX_LENGTH,
  userNetworkAddress,
  userNetworkGateway,
} from "./user_network.ts";

/** Flags that mean something to QEMU only: the nth is for the nth QEMU. */
const QEMU_FLAGS = ["netdev", "hub", "monitor"];

/** Name of the hub that an appliance opens and `ping` joins. */
export const DEFAULT_HUB = "ukdeno";

/** The flag for the MTU, of all commands. */
export const MTU_FLAG: Flag = {
  name: "mtu",
  value: "N",
  help: "largest IP packet in bytes, 68 to 9000 (default 1500)",
};

/**
 * Flags that say which devices there are, and what host is on each: the nth is for the nth device. A
 * single device has all of the addresses.
 */
export const DEVICE_FLAGS: readonly Flag[] = [
  {
    name: "device",
    value: "URI",
    help: "network device, see below (default qemu)",
    repeats: true,
  },
  {
    name: "ip",
    value: "A.B.C.D/N,…",
    help:
      `addresses or ranges, see below (default ${USER_NETWORK_ADDRESS}/${USER_NETWORK_PREFIX_LENGTH} on QEMU's user network)`,
    repeats: true,
  },
  {
    name: "gateway",
    value: "A.B.C.D",
    help:
      `router on the subnet (default ${USER_NETWORK_GATEWAY} on QEMU's user network, else none)`,
    repeats: true,
  },
  {
    name: "mac",
    value: "XX:XX:…",
    help: "MAC address (default 02:75 and the four address bytes; with vfio the card's own)",
    repeats: true,
  },
  MTU_FLAG,
  ...RING_FLAGS,
  QUEUES_FLAG,
  {
    name: "netdev",
    value: "STRING",
    help: `QEMU's own -netdev string (default ${USER_NETDEV})`,
    repeats: true,
  },
  {
    name: "hub",
    value: "NAME",
    help: `abstract UNIX sockets NAME.0 to NAME.3 join QEMU's network (default ${DEFAULT_HUB})`,
    repeats: true,
  },
  {
    name: "monitor",
    value: "NAME",
    help: "abstract UNIX socket NAME is QEMU's QMP monitor (default none)",
    repeats: true,
  },
];

/** A device, and the host on it. */
export interface DeviceOptions extends RingOptions {
  readonly device: DeviceUri;
  /** The first of its addresses, from which it sends by itself. */
  readonly ip: Ipv4Cidr;
  /** All of them. */
  readonly ranges: readonly Ipv4Range[];
  readonly gateway: number | null;
  readonly mac: Uint8Array;
  /** Whether that was asked for: a card that has one of its own keeps it otherwise. */
  readonly macGiven: boolean;
  readonly mtu: number;
  /** Each way. */
  readonly queues: number;
  /** For QEMU only, as the names of its hub and its monitor are. */
  readonly netdev: string;
  /** Null for none: a hub has one queue. */
  readonly hub: string | null;
  /** Null for none. */
  readonly monitor: string | null;
  /** What a kernel command line gave it, addresses that a flag overrides included. */
  readonly einfo: NetdevEinfo;
}

/**
 * Reads {@link DEVICE_FLAGS}: the devices in their order, one at least. An address and a gateway are
 * the flag's, else those of the nth `einfo`, else the default. `UsageError` when something can't be
 * read, when there's more of it than devices, and when two devices would be the same host.
 */
export function parseDevices(
  { values, lists }: ParsedFlags,
  einfos: readonly NetdevEinfo[],
): readonly DeviceOptions[] {
  const uris = (lists.get("device") ?? ["qemu"]).map(parseDeviceUri);
  for (const name of ["ip", "gateway", "mac"]) {
    if (name === "ip" && uris.length === 1) continue;
    refuseMore(name, lists, uris.length, uris.length === 1 ? "device" : "devices");
  }
  refuseCount("netdev.ip", einfos.length, uris.length, uris.length === 1 ? "device" : "devices");
  const qemus = uris.filter(({ kind }) => kind === "qemu").length;
  if (qemus === 0) refuseQemuFlags(uris[0], lists);
  for (const name of QEMU_FLAGS) {
    refuseMore(name, lists, qemus, `--device=qemu${qemus === 1 ? "" : "s"}`);
  }
  const mtu = parseMtu(values.get("mtu"));
  const queues = parseQueues(values.get("queues"));
  const rings = parseRings(values, uris);
  let qemu = 0;
  const devices = uris.map((device, number): DeviceOptions => {
    const ofQemu = device.kind === "qemu" ? qemu++ : -1;
    const netdev = lists.get("netdev")?.[ofQemu] ?? USER_NETDEV;
    if (queues > 1) refuseQueues(number, device, netdev, queues);
    const onUserNetwork = device.kind === "qemu" && isUserNetwork(netdev);
    const einfo = einfos[number] ?? {};
    const ips = lists.get("ip");
    const ipText = uris.length === 1 ? ips?.join(",") : ips?.[number];
    const gatewayText = lists.get("gateway")?.[number];
    const own = ipText === undefined ? undefined : onFlag("--ip", () => parseOwnAddresses(ipText));
    const given = onFlag("netdev.ip", () => fromEinfo(number, einfo, own, gatewayText));
    const ranges = given?.ranges ?? defaultAddress(number, uris, onUserNetwork);
    const [{ first: address, prefixLength }] = ranges;
    const gateway = gatewayText === undefined
      ? given?.gateway ?? (onUserNetwork ? userNetworkGateway(netdev, ranges) : null)
      : onFlag("--gateway", () => parseGateway(gatewayText, ranges));
    const macText = lists.get("mac")?.[number];
    return {
      device,
      ip: { address, prefixLength },
      ranges,
      gateway,
      mac: macText === undefined ? macFromIpv4(address) : onFlag("--mac", () => parseMac(macText)),
      macGiven: macText !== undefined,
      mtu,
      queues,
      ...rings[number],
      netdev,
      monitor: parseMonitor(lists.get("monitor")?.[ofQemu]),
      hub: queues > 1
        ? refuseHub(lists, queues)
        : parseHub(lists.get("hub")?.[ofQemu] ?? defaultHub(lists, ofQemu, number)),
      einfo,
    };
  });
  refuseSame(devices);
  return devices;
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

/** unix(7): an abstract name has up to 107 bytes. */
function parseMonitor(name: string | undefined): string | null {
  if (name === undefined) return null;
  if (new TextEncoder().encode(name).length <= 107) return name;
  throw new UsageError(`--monitor=${name}: at most 107 bytes are possible`);
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
export function refuseQemuFlags(device: DeviceUri, given: ReadonlyMap<string, unknown>): void {
  for (const name of QEMU_FLAGS) {
    if (!given.has(name)) continue;
    throw new UsageError(`--${name} is for --device=qemu: ${formatDeviceUri(device)} has no QEMU`);
  }
}

function refuseMore(
  name: string,
  lists: ReadonlyMap<string, readonly string[]>,
  most: number,
  what: string,
): void {
  refuseCount(`--${name}`, lists.get(name)?.length ?? 0, most, what);
}

function refuseCount(name: string, given: number, most: number, what: string): void {
  if (given <= most) return;
  throw new UsageError(`${name} is given ${given} times, for ${most} ${what}`);
}

/** What a command line gives to a device, as far as flags don't; null without an address. */
function fromEinfo(
  number: number,
  einfo: NetdevEinfo,
  own: readonly Ipv4Range[] | undefined,
  gatewayText: string | undefined,
): Ipv4FromEinfo | null {
  const name = `net${number}`;
  // A gateway that a flag overrides need not be one; the flag's own is looked at by the caller.
  const { IPV4_GW: _, ...rest } = einfo;
  const left: NetdevEinfo = gatewayText === undefined ? einfo : rest;
  return ipv4FromEinfo({ name, einfoGet: (type) => left[type] ?? null }, { own });
}

function defaultAddress(
  number: number,
  uris: readonly DeviceUri[],
  onUserNetwork: boolean,
): readonly Ipv4Range[] {
  if (onUserNetwork) return onFlag("--ip", () => userNetworkAddress(number));
  const whose = uris.length === 1 ? "" : ` for net${number} (${formatDeviceUri(uris[number])})`;
  const which = uris.length === 1 ? "" : "; the first --ip is for the first --device, and so on";
  throw new UsageError(
    `--ip=A.B.C.D/N is needed${whose}: only QEMU's user network has a default address${which}`,
  );
}

/** Each QEMU has a hub of its own; others than the first are named after it and the device. */
function defaultHub(
  lists: ReadonlyMap<string, readonly string[]>,
  ofQemu: number,
  number: number,
): string {
  const first = lists.get("hub")?.[0] ?? DEFAULT_HUB;
  return ofQemu <= 0 ? first : `${first}-net${number}`;
}
