import { EAGAIN, ECONNREFUSED, EPIPE, ErrnoError } from "../ffi/errno.ts";
import { connectAbstract, type UnixSocket } from "../ffi/unix_socket.ts";

/** Ports on which an appliance lets others join its hub. */
export const HUB_PORTS = 4;

/** How long a QEMU that runs may take to accept, and one that starts, in milliseconds. */
const ACCEPT_TIMEOUT_MS = 500;
const START_TIMEOUT_MS = 10_000;
/** How often to look, in milliseconds. */
const ACCEPT_POLL_MS = 2;

/**
 * The first byte of the first frame's length. No frame is 2^24 bytes long, so it is known before
 * the frame is: a byte that QEMU can be given to read, and that belongs to the stream anyway.
 */
const FIRST_LENGTH_BYTE = new Uint8Array(1);

/** Why a hub could not be joined. */
export type HubErrorCode =
  /** No process listens under this name. */
  | "ENOENT"
  /** Each port has its peer. */
  | "EBUSY"
  /** The name is too long for a socket. */
  | "EINVAL";

/** A hub that could not be joined; the message is one line that says why and what to do. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly code: HubErrorCode;

  constructor(code: HubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A port of a hub, ours until the socket is closed. Fits into the options of `StreamNetdev`. */
export interface HubPort {
  /** Connected, and accepted by the other side. The caller closes it. */
  readonly socket: UnixSocket;
  /** Bytes of the first frame's length that are sent already, and must not be sent again. */
  readonly headerSent: number;
  /** Which port it is, 0 to {@link HUB_PORTS} - 1. */
  readonly port: number;
}

/** The abstract socket name of a port: `-netdev stream,…,addr.path=NAME.PORT,addr.abstract=on`. */
export function hubPortName(name: string, port: number): string {
  return `${name}.${port}`;
}

/**
 * Joins the hub network of a running appliance on its first free port. Its QEMU accepts one peer on
 * each port; a second one hangs in the backlog, connected as far as it can tell. So each port is
 * given one byte, and is ours when that was received. A port in use costs about 500 ms.
 * {@link HubError} when there is no free port.
 */
export async function connectHub(name: string): Promise<HubPort> {
  let port = 0;
  try {
    for (; port < HUB_PORTS; port++) {
      const socket = await joinPort(hubPortName(name, port), ACCEPT_TIMEOUT_MS);
      if (socket !== null) return { socket, headerSent: FIRST_LENGTH_BYTE.length, port };
    }
  } catch (error) {
    if (error instanceof RangeError) {
      throw new HubError("EINVAL", `hub name "${name}" is too long`, { cause: error });
    }
    // A hub may have fewer ports: where nobody listens they end.
    if (!isErrno(error, ECONNREFUSED)) throw error;
  }
  if (port === 0) {
    throw new HubError(
      "ENOENT",
      `no appliance with hub "${name}" is running here: start one with \`deno task start\``,
    );
  }
  throw new HubError(
    "EBUSY",
    `all ${port} ports of hub "${name}" are in use: stop one of its peers`,
  );
}

/**
 * Waits until the hub of a QEMU that is just starting lets peers in on every port, by joining and
 * leaving each. Until a port listens QEMU takes it for connected, and crashes when it passes a frame
 * on to it (net/stream.c, `net_stream_server_listening` sets `link_down` only then; seen in 7.2):
 * its machine has to be stopped so long.
 */
export async function hubListens(name: string): Promise<void> {
  for (let port = 0; port < HUB_PORTS; port++) {
    const socket = await joinPort(hubPortName(name, port), START_TIMEOUT_MS);
    if (socket === null) {
      throw new HubError("EBUSY", `port ${port} of hub "${name}" lets nobody in`);
    }
    socket[Symbol.dispose]();
  }
}

/** A connection from which the other side receives, or null when it received nothing in time. */
async function joinPort(socketName: string, timeout: number): Promise<UnixSocket | null> {
  let socket: UnixSocket | null = null;
  try {
    for (let waited = 0; waited < timeout; waited += ACCEPT_POLL_MS) {
      socket ??= connectAndSend(socketName);
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_POLL_MS));
      if (socket !== null && !socket.sendPending()) return socket;
    }
  } catch (error) {
    socket?.[Symbol.dispose]();
    throw error;
  }
  socket?.[Symbol.dispose]();
  return null;
}

/**
 * A connection, or null while the backlog is full. It may be full of connections that were given up,
 * which QEMU goes through one by one once its peer has left.
 */
function connectAndSend(socketName: string): UnixSocket | null {
  let socket: UnixSocket | null = null;
  try {
    socket = connectAbstract(socketName);
    socket.sendSome(FIRST_LENGTH_BYTE, 0, FIRST_LENGTH_BYTE.length);
    return socket;
  } catch (error) {
    socket?.[Symbol.dispose]();
    // EPIPE: the other side ended in between, and the next attempt finds out more.
    if (isErrno(error, EAGAIN) || isErrno(error, EPIPE)) return null;
    throw error;
  }
}

function isErrno(error: unknown, errno: number): boolean {
  return error instanceof ErrnoError && error.errno === errno;
}
