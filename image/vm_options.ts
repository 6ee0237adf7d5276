import type { DeviceOptions } from "../app/device_options.ts";
import { parseDeviceUri, QEMU_MODELS, type QemuUri } from "../app/device_uri.ts";
import { type Flag, parseNumber } from "../app/flags.ts";
import { parseInfo } from "../app/info_options.ts";
import { pingHint } from "../app/ping_hint.ts";
import { parsePing } from "../app/ping_options.ts";
import { withRing } from "../app/ring_options.ts";
import { parseServe, SERVE_FLAGS } from "../app/serve_options.ts";
import { UsageError } from "../app/usage_error.ts";
import type { QemuNic } from "../drivers/pci/qemu/qemu_command_line.ts";
import { formatIpv4, formatIpv4Ranges, formatMacBytes, macFromIpv4 } from "../stack/mod.ts";
import type { Accelerator } from "./accelerator.ts";
import { onlyValue, takeFlags, VM_FLAGS } from "./vm_flags.ts";

/** QEMU's user network, with no way out, as `start` has it. */
const USER_NETDEV = "user,restrict=on";

/** MiB. The kernel unpacks the image with 272, while that is there twice. */
const DEFAULT_MEMORY = "320";

/** What the appliance drives, unless told otherwise: the first network card that it finds. */
const GUEST_DEVICE = "vfio";

/** Flags that a parameter of the kernel's command line stands for. */
const ADDRESS_FLAGS: readonly Flag[] = SERVE_FLAGS.filter(({ name }) =>
  name === "ip" || name === "gateway"
);

/** What `vm` is to do. */
export interface VmOptions extends Guest {
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** MiB. */
  readonly memory: number;
  readonly smp: number;
  /** Null: the one that works. */
  readonly accelerator: Accelerator | null;
}

/** The appliance, and what goes with its arguments outside of the guest. */
interface Guest {
  readonly nic: QemuNic;
  /** Null for none: a hub has one queue, and `info` sends nothing. */
  readonly hub: string | null;
  readonly monitor: string | null;
  /** Parameters for the kernel's command line. */
  readonly parameters: readonly string[];
  /** Arguments of the appliance in the guest. */
  readonly args: readonly string[];
  /** A command that pings it from another terminal, or null. */
  readonly hint: string | null;
}

/** A command line of the appliance. */
interface Asked {
  /** The card, as one of QEMU's. */
  readonly card: QemuUri;
  readonly netdev: string;
  /** What `--monitor` and `--hub` were given. */
  readonly monitor: string | undefined;
  readonly hub: string | undefined;
  /** The flag by which the appliance is told of the card. */
  readonly device: string;
  /** The rest. */
  readonly args: readonly string[];
}

/**
 * Reads the arguments of `vm`: its own flags, and with them what `main.ts` is given. That is read here as
 * well, as if the card were one of QEMU's, so that it needs no VM to refuse a bad argument. `UsageError`
 * for one.
 */
export function parseVm(all: readonly string[]): VmOptions {
  const flags = takeFlags(all, VM_FLAGS);
  const devices = flags.taken.get("device") ?? [];
  // One has two sides: what it is is QEMU's matter, how it's driven is the guest's.
  const isGuests = (device: string): boolean => /^(vfio|mmio)\b/.test(device);
  const models = devices.filter((device) => !isGuests(device));
  const guestDevices = devices.filter(isGuests);
  if (models.length > 1 || guestDevices.length > 1) {
    throw new UsageError(`--device is given ${devices.length} times: a VM has one network card`);
  }
  const [first = "", ...behind] = flags.rest;
  const hasCommand = first !== "" && !first.startsWith("-") && !first.includes("=");
  const netdev = onlyValue(flags, "netdev") ?? USER_NETDEV;
  const guest = guestOf(hasCommand ? first : "serve", {
    card: parseCard(models[0] ?? QEMU_MODELS[0]),
    netdev,
    monitor: onlyValue(flags, "monitor"),
    hub: onlyValue(flags, "hub"),
    device: `--device=${guestDevices[0] ?? GUEST_DEVICE}`,
    args: hasCommand ? behind : flags.rest,
  });
  const { min, max } = { min: 128, max: 65_536 };
  return {
    ...guest,
    netdev,
    memory: parseNumber("--memory", onlyValue(flags, "memory") ?? DEFAULT_MEMORY, { min, max }),
    smp: parseNumber("--smp", onlyValue(flags, "smp") ?? "1", { min: 1, max: 64 }),
    accelerator: parseAccelerator(onlyValue(flags, "accel")),
  };
}

function guestOf(command: string, asked: Asked): Guest {
  switch (command) {
    case "serve":
      return serveGuest(asked);
    case "ping":
      return pingGuest(asked);
    case "info":
      return infoGuest(asked);
    default:
      throw new UsageError(`unknown command "${command}": serve, ping and info are possible`);
  }
}

/** A host has its address by a parameter, or by flags where that can't say it. */
function serveGuest(asked: Asked): Guest {
  const { card, device, args } = asked;
  const { devices: [options] } = parseServe([
    ...ofQemu(asked, ["netdev", "hub", "monitor"]),
    ...args,
  ]);
  const { rest } = takeFlags(args, ADDRESS_FLAGS);
  const parameter = addressParameter(options);
  const given = rest.filter((arg) => arg.startsWith("netdev.ip="));
  const { hub, monitor } = options;
  const outside = { nic: nicOf(card, options), hub, monitor, hint: pingHint(options) };
  if (given.length > 0 || parameter === null) {
    // Names that go with the address are known from there only, and flags override it there, too.
    const own = args.filter((arg) => !given.includes(arg));
    return { ...outside, parameters: given, args: ["serve", device, ...own] };
  }
  return { ...outside, parameters: [parameter], args: ["serve", device, ...rest] };
}

/** What pings has an address as well, and reads it from a flag. */
function pingGuest(asked: Asked): Guest {
  const { card, netdev, device, args } = asked;
  const options = parsePing([...ofQemu(asked, ["hub"]), ...args]);
  const { taken } = takeFlags(args, ADDRESS_FLAGS);
  const { address, prefixLength } = options.ip;
  const own = `--ip=${formatIpv4(address)}/${prefixLength}`;
  if (!taken.has("ip") && !netdev.startsWith("user")) {
    throw new UsageError(`${own} or another is needed: only QEMU's user network has a default`);
  }
  return {
    nic: nicOf(card, { ...options, mac: macFromIpv4(address), queues: 1 }),
    hub: options.hub,
    monitor: asked.monitor ?? null,
    parameters: [],
    hint: null,
    args: ["ping", device, ...(taken.has("ip") ? [] : [own]), ...args],
  };
}

function infoGuest(asked: Asked): Guest {
  const { card, device, args } = asked;
  const { device: options } = parseInfo([...ofQemu(asked, ["netdev"]), ...args]);
  return {
    nic: nicOf(card, options),
    hub: null,
    monitor: asked.monitor ?? null,
    parameters: args.filter((arg) => arg.startsWith("netdev.ip=")),
    hint: null,
    args: ["info", device, ...args.filter((arg) => !arg.startsWith("netdev.ip="))],
  };
}

/** The flags that the appliance would have for this card, if it were one of a QEMU of its own. */
function ofQemu(asked: Asked, names: readonly ("netdev" | "hub" | "monitor")[]): string[] {
  const { model, properties } = asked.card;
  const uri = `qemu:${model}${properties === "" ? "" : `,${properties}`}`;
  const given = names.filter((name) => asked[name] !== undefined);
  return [`--device=${uri}`, ...given.map((name) => `--${name}=${asked[name]}`)];
}

/** `netdev.ip=CIDR[:GATEWAY]` (Unikraft's uk_netdev parameter), null for more than one address. */
function addressParameter({ ranges, gateway }: DeviceOptions): string | null {
  const [{ first, last }] = ranges;
  if (ranges.length > 1 || first !== last) return null;
  const cidr = `netdev.ip=${formatIpv4Ranges(ranges)}`;
  return gateway === null ? cidr : `${cidr}:${formatIpv4(gateway)}`;
}

function nicOf(
  { model, properties }: QemuUri,
  { mac, mtu, queues, ring }: Pick<DeviceOptions, "mac" | "mtu" | "queues" | "ring">,
): QemuNic {
  return {
    model,
    properties: withRing(model, properties, ring),
    mac: formatMacBytes(mac),
    mtu,
    queues,
  };
}

/** Cards that can be plugged into a PC. */
function parseCard(text: string): QemuUri {
  const models = QEMU_MODELS.filter((model) => model !== "virtio-net-device");
  if (models.some((model) => text === model || text.startsWith(`${model},`))) {
    const card = parseDeviceUri(`qemu:${text}`);
    if (card.kind === "qemu") return card;
  }
  throw new UsageError(
    `--device=${text}: the cards ${models.join(", ")} are possible, and vfio:ADDRESS in the guest`,
  );
}

function parseAccelerator(text: string | undefined): Accelerator | null {
  if (text === undefined || text === "kvm" || text === "tcg") return text ?? null;
  throw new UsageError(`--accel=${text}: kvm and tcg are possible`);
}
