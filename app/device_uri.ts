import {
  formatWholePciAddress,
  parsePciAddress,
  type PciAddress,
} from "../drivers/pci/pci_address.ts";
import { UsageError } from "./usage_error.ts";

/** QEMU's names of the NICs that there are drivers for, the default one first. */
export const QEMU_MODELS = [
  "virtio-net-pci",
  "virtio-net-device",
  "i82550",
  "i82557b",
  "i82559er",
] as const;

/** One of {@link QEMU_MODELS}. */
export type QemuModel = typeof QEMU_MODELS[number];

/** A process that is the device: QEMU, with a NIC of this name. */
export interface QemuUri {
  readonly kind: "qemu";
  readonly model: QemuModel;
  /** What else QEMU is told of it: `name=value`, with commas between several, or nothing. */
  readonly properties: string;
}

/** The far end of a Linux TAP interface of this name. */
export interface TapUri {
  readonly kind: "tap";
  readonly name: string;
}

/** A UNIX stream socket, and which end of it is ours. */
export interface SocketUri {
  /** Where it is: the path of a file, or an abstract name (unix(7)). */
  readonly socket: string;
  readonly abstract: boolean;
  /** Whether peers connect to us, one at a time, or we to a peer. */
  readonly server: boolean;
}

/** One on which QEMU's stream framing is spoken. */
export interface StreamUri extends SocketUri {
  readonly kind: "stream";
}

/**
 * Features that needn't be accepted of a back-end, by the names that QEMU's cards and DPDK's
 * virtio_user have for them.
 */
export const VHOST_USER_OPTIONS = ["mrg_rxbuf", "indirect_desc", "event_idx", "in_order"] as const;

/** One on which vhost-user is spoken with a back-end, which is the card. */
export interface VhostUserUri extends SocketUri {
  readonly kind: "vhost-user";
  /** Those that aren't accepted. */
  readonly without: readonly (typeof VHOST_USER_OPTIONS[number])[];
}

/** A network card of this machine. */
export interface VfioUri {
  readonly kind: "vfio";
  /** Where it sits, or null: the first that there's a driver for. */
  readonly address: PciAddress | null;
}

/** A virtio card of this machine itself, with its registers in memory. */
export interface MmioUri {
  readonly kind: "mmio";
  /** The physical address of its registers; null: wherever there's one. */
  readonly address: number | null;
}

/** What `--device` says. */
export type DeviceUri = QemuUri | VfioUri | TapUri | StreamUri | VhostUserUri | MmioUri;

/** linux/if.h: IFNAMSIZ, without the zero at the end. */
const INTERFACE_NAME_MAX_BYTES = 15;
/** x86-64 has 52 bits of physical addresses at most. */
const LAST_PHYSICAL_ADDRESS = 2 ** 52;
/** unix(7): a path ends with a zero byte, an abstract name begins with one. */
const SOCKET_MAX_BYTES = 107;

/** Reads the value of `--device`. `UsageError` when it is none of the forms. */
export function parseDeviceUri(uri: string): DeviceUri {
  const colon = uri.indexOf(":");
  const scheme = colon < 0 ? uri : uri.slice(0, colon);
  const rest = colon < 0 ? "" : uri.slice(colon + 1);
  const qemu = parseQemu(uri);
  if (qemu !== null) return qemu;
  if (uri === "vfio") return { kind: "vfio", address: null };
  if (scheme === "vfio") return { kind: "vfio", address: parseCardAddress(uri, rest) };
  if (scheme === "tap") return { kind: "tap", name: parseInterfaceName(uri, rest) };
  if (scheme === "stream") return { kind: "stream", ...parseSocket(uri, rest, []).socket };
  if (scheme === "vhost-user") {
    const { socket, off } = parseSocket(uri, rest, VHOST_USER_OPTIONS);
    return { kind: "vhost-user", ...socket, without: off };
  }
  if (scheme === "mmio") {
    return { kind: "mmio", address: colon < 0 ? null : parsePhysicalAddress(uri, rest) };
  }
  throw new UsageError(
    `--device=${uri}: qemu, qemu:MODEL[,PROPERTY…], vfio, vfio:BUS:DEVICE.FUNCTION, tap:NAME, ` +
      `stream:SOCKET, vhost-user:SOCKET, mmio and mmio:ADDRESS are possible; ` +
      `MODEL is ${QEMU_MODELS.slice(0, -1).join(", ")} or ${QEMU_MODELS.at(-1)}`,
  );
}

/** How it's written. */
export function formatDeviceUri(uri: DeviceUri): string {
  if (uri.kind === "qemu") {
    return `qemu:${uri.model}${uri.properties === "" ? "" : `,${uri.properties}`}`;
  }
  if (uri.kind === "vfio") {
    return uri.address === null ? "vfio" : `vfio:${formatWholePciAddress(uri.address)}`;
  }
  if (uri.kind === "tap") return `tap:${uri.name}`;
  if (uri.kind === "mmio") {
    return uri.address === null ? "mmio" : `mmio:0x${uri.address.toString(16)}`;
  }
  const without = uri.kind === "vhost-user" ? uri.without.map((name) => `,${name}=off`) : [];
  return `${uri.kind}:${socketText(uri)}${uri.server ? ",server=on" : ""}${without.join("")}`;
}

/** A socket as it's written: an abstract name begins with an @. */
export function socketText({ socket, abstract }: SocketUri): string {
  return `${abstract ? "@" : ""}${socket}`;
}

/** Null when it's none of QEMU's forms. */
function parseQemu(uri: string): QemuUri | null {
  if (uri === "qemu") return { kind: "qemu", model: QEMU_MODELS[0], properties: "" };
  const [, name, properties = ""] = /^qemu:([^,]+)(?:,(.+))?$/.exec(uri) ?? [];
  const model = QEMU_MODELS.find((model) => model === name);
  return model === undefined ? null : { kind: "qemu", model, properties };
}

/** As lspci(8) writes it, which leaves the domain out where that's 0. */
function parseCardAddress(uri: string, text: string): PciAddress {
  const address = parsePciAddress(text);
  if (address !== null) return address;
  throw new UsageError(
    `--device=${uri}: "${text}" is no address of a card: 00:04.0 would be one, or 0000:00:04.0, ` +
      "as lspci -D shows them; plain vfio is the first card",
  );
}

/** Linux takes no slash, colon or space (dev_valid_name), and makes numbers of percent signs. */
function parseInterfaceName(uri: string, name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0) throw new UsageError(`--device=${uri}: the name of the interface is missing`);
  if (bytes > INTERFACE_NAME_MAX_BYTES) {
    throw new UsageError(
      `--device=${uri}: an interface's name has at most ${INTERFACE_NAME_MAX_BYTES} bytes`,
    );
  }
  if (/[/:%\s\0]/.test(name) || name === "." || name === "..") {
    throw new UsageError(`--device=${uri}: "${name}" can't be the name of an interface`);
  }
  return name;
}

/** Hexadecimal, as /proc/iomem has it, with 0x in front or not. */
function parsePhysicalAddress(uri: string, text: string): number {
  if (!/^(0x)?[0-9a-f]{1,13}$/i.test(text)) {
    throw new UsageError(`--device=${uri}: a hexadecimal ADDRESS is needed, such as 0xfeb00e00`);
  }
  const address = parseInt(text, 16);
  if (address % 4 === 0 && address < LAST_PHYSICAL_ADDRESS) return address;
  throw new UsageError(`--device=${uri}: registers are at a multiple of 4 below 2^52`);
}

/** A socket, and those of the `names` that are switched off; what isn't is on. */
function parseSocket<Name extends string>(
  uri: string,
  text: string,
  names: readonly Name[],
): { readonly socket: SocketUri; readonly off: readonly Name[] } {
  const [socket, ...options] = text.split(",");
  let server = false;
  const off = new Set<Name>();
  for (const option of options) {
    const [, key, value] = /^([a-z_]+)=(on|off)$/.exec(option) ?? [];
    const name = names.find((name) => name === key);
    if (key === "server") server = value === "on";
    else if (name === undefined) throw refusedOption(uri, option, names);
    else if (value === "off") off.add(name);
    else off.delete(name);
  }
  const abstract = socket.startsWith("@");
  const name = abstract ? socket.slice(1) : socket;
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0) throw new UsageError(`--device=${uri}: the path of the socket is missing`);
  if (bytes > SOCKET_MAX_BYTES || name.includes("\0")) {
    throw new UsageError(`--device=${uri}: a socket's name has at most ${SOCKET_MAX_BYTES} bytes`);
  }
  return { socket: { socket: name, abstract, server }, off: [...off] };
}

function refusedOption(uri: string, option: string, names: readonly string[]): UsageError {
  const all = ["server", ...names].flatMap((name) => [`${name}=on`, `${name}=off`]);
  const possible = `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
  return new UsageError(`--device=${uri}: "${option}": ${possible} are possible`);
}
