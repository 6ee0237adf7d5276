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

/** One on which vhost-user is spoken with a back-end, which is the card. */
export interface VhostUserUri extends SocketUri {
  readonly kind: "vhost-user";
}

/** What `--device` says. */
export type DeviceUri = QemuUri | TapUri | StreamUri | VhostUserUri;

/** linux/if.h: IFNAMSIZ, without the zero at the end. */
const INTERFACE_NAME_MAX_BYTES = 15;
/** unix(7): a path ends with a zero byte, an abstract name begins with one. */
const SOCKET_MAX_BYTES = 107;

/** Reads the value of `--device`. `UsageError` when it is none of the forms. */
export function parseDeviceUri(uri: string): DeviceUri {
  const colon = uri.indexOf(":");
  const scheme = colon < 0 ? uri : uri.slice(0, colon);
  const rest = colon < 0 ? "" : uri.slice(colon + 1);
  const qemu = parseQemu(uri);
  if (qemu !== null) return qemu;
  if (scheme === "tap") return { kind: "tap", name: parseInterfaceName(uri, rest) };
  if (scheme === "stream" || scheme === "vhost-user") {
    return { kind: scheme, ...parseSocket(uri, rest) };
  }
  throw new UsageError(
    `--device=${uri}: qemu, qemu:MODEL[,PROPERTY…], tap:NAME, stream:SOCKET and ` +
      `vhost-user:SOCKET are possible; ` +
      `MODEL is ${QEMU_MODELS.slice(0, -1).join(", ")} or ${QEMU_MODELS.at(-1)}`,
  );
}

/** How it's written. */
export function formatDeviceUri(uri: DeviceUri): string {
  if (uri.kind === "qemu") {
    return `qemu:${uri.model}${uri.properties === "" ? "" : `,${uri.properties}`}`;
  }
  if (uri.kind === "tap") return `tap:${uri.name}`;
  return `${uri.kind}:${uri.abstract ? "@" : ""}${uri.socket}${uri.server ? ",server=on" : ""}`;
}

/** Null when it's none of QEMU's forms. */
function parseQemu(uri: string): QemuUri | null {
  if (uri === "qemu") return { kind: "qemu", model: QEMU_MODELS[0], properties: "" };
  const [, name, properties = ""] = /^qemu:([^,]+)(?:,(.+))?$/.exec(uri) ?? [];
  const model = QEMU_MODELS.find((model) => model === name);
  return model === undefined ? null : { kind: "qemu", model, properties };
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

function parseSocket(uri: string, text: string): SocketUri {
  const [socket, ...options] = text.split(",");
  let server = false;
  for (const option of options) {
    if (option !== "server=on" && option !== "server=off") {
      throw new UsageError(`--device=${uri}: "${option}": server=on and server=off are possible`);
    }
    server = option === "server=on";
  }
  const abstract = socket.startsWith("@");
  const name = abstract ? socket.slice(1) : socket;
  const bytes = new TextEncoder().encode(name).length;
  if (bytes === 0) throw new UsageError(`--device=${uri}: the path of the socket is missing`);
  if (bytes > SOCKET_MAX_BYTES || name.includes("\0")) {
    throw new UsageError(`--device=${uri}: a socket's name has at most ${SOCKET_MAX_BYTES} bytes`);
  }
  return { socket: name, abstract, server };
}
