import { type Ipv4Cidr, parseIpv4, parseIpv4Cidr } from "../stack/mod.ts";
import {
  DEFAULT_HUB,
  MTU_FLAG,
  onFlag,
  parseHub,
  parseMtu,
  refuseQemuFlags,
} from "./device_options.ts";
import { type DeviceUri, parseDeviceUri } from "./device_uri.ts";
import { type Flag, parseFlags, parseNumber } from "./flags.ts";
import { parseRings, RING_FLAGS, type RingOptions } from "./ring_options.ts";
import { PCAP_FLAG } from "./serve_options.ts";
import { UsageError } from "./usage_error.ts";
import { USER_NETWORK_ADDRESS } from "./user_network.ts";

/** Where the appliance is on QEMU's user network. */
export const DEFAULT_DESTINATION = USER_NETWORK_ADDRESS;
/** Where we are. */
export const DEFAULT_ADDRESS = "10.0.2.100/24";

/** Bytes of IPv4 and ICMP header in front of the payload of an echo request. */
const HEADER_BYTES = 28;
const DEFAULT_PAYLOAD = 56;

/** A port of the hub has none. */
const NO_RINGS: RingOptions = { ring: "split", ringSize: 0 };

/** Flags of `ping`. */
export const PING_FLAGS: readonly Flag[] = [
  {
    name: "hub",
    value: "NAME",
    help: `name of the hub to join, as given to serve (default ${DEFAULT_HUB})`,
  },
  {
    name: "device",
    value: "URI",
    help: "ping over a device of our own, see below (default: join the hub)",
  },
  {
    name: "ip",
    value: "A.B.C.D/N",
    help: `our own address and prefix length (default ${DEFAULT_ADDRESS} on QEMU's user network)`,
  },
  { name: "c", value: "N", help: "stop after so many requests (default: run until Ctrl-C)" },
  { name: "i", value: "SECONDS", help: "time between two requests, 0.001 or more (default 1)" },
  {
    name: "s",
    value: "BYTES",
    help: `payload, 0 to MTU − ${HEADER_BYTES} (default ${DEFAULT_PAYLOAD})`,
  },
  MTU_FLAG,
  ...RING_FLAGS,
  PCAP_FLAG,
];

/** What `ping` is to do. */
export interface PingOptions extends RingOptions {
  readonly destination: number;
  readonly ip: Ipv4Cidr;
  /** The device to ping over, or null: a port of the hub. */
  readonly device: DeviceUri | null;
  readonly hub: string;
  readonly mtu: number;
  /** Requests to send, or Infinity. */
  readonly count: number;
  /** Milliseconds between two. */
  readonly interval: number;
  /** Bytes of payload. */
  readonly payloadLength: number;
  /** File for a capture, or null. */
  readonly pcap: string | null;
}

/** Reads the arguments of `ping`. `UsageError` when one can't be. */
export function parsePing(args: readonly string[]): PingOptions {
  const { values, positional } = parseFlags(args, PING_FLAGS);
  if (positional.length > 1) {
    throw new UsageError(`ping takes one address, not ${positional.length}`);
  }
  const count = values.get("c");
  const uri = values.get("device");
  const device = uri === undefined ? null : parseDeviceUri(uri);
  if (device !== null && device.kind !== "qemu") {
    refuseQemuFlags(device, values);
    if (!values.has("ip")) {
      throw new UsageError(
        "--ip=A.B.C.D/N is needed: only on QEMU's user network is there a default",
      );
    }
  }
  const [rings = NO_RINGS] = parseRings(values, device === null ? [] : [device]);
  const destination = positional[0] ?? (device === null ? DEFAULT_DESTINATION : undefined);
  if (destination === undefined) throw new UsageError("which ADDRESS to ping is needed");
  const mtu = parseMtu(values.get("mtu"));
  const maxPayload = mtu - HEADER_BYTES;
  const payload = values.get("s") ?? `${Math.min(DEFAULT_PAYLOAD, maxPayload)}`;
  return {
    destination: onFlag("ADDRESS", () => parseIpv4(destination)),
    ip: onFlag("--ip", () => parseIpv4Cidr(values.get("ip") ?? DEFAULT_ADDRESS)),
    device,
    ...rings,
    hub: parseHub(values.get("hub") ?? defaultHub(device)),
    mtu,
    count: count === undefined ? Infinity : parseNumber("-c", count, { min: 1, max: 1e9 }),
    interval: 1000 *
      parseNumber("-i", values.get("i") ?? "1", { min: 0.001, max: 86_400, fraction: true }),
    payloadLength: parseNumber("-s", payload, { min: 0, max: maxPayload }),
    pcap: values.get("pcap") ?? null,
  };
}

/** The hub to join; or the one that a QEMU of our own opens, next to an appliance's. */
function defaultHub(device: DeviceUri | null): string {
  return device === null ? DEFAULT_HUB : `${DEFAULT_HUB}-ping-${Deno.pid}`;
}
