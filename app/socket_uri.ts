import { EADDRINUSE, EAGAIN, ECONNREFUSED, ENOENT, ErrnoError } from "../drivers/ffi/errno.ts";
import {
  connectAbstract,
  connectPath,
  listenAbstract,
  listenPath,
  type UnixListener,
  type UnixSocket,
} from "../drivers/ffi/unix_socket.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import { socketText, type SocketUri } from "./device_uri.ts";

/** Connects to the socket of a URI. `NetdevError` when it can't; one line says what to do. */
export function connectSocket(uri: SocketUri): UnixSocket {
  try {
    return uri.abstract ? connectAbstract(uri.socket) : connectPath(uri.socket);
  } catch (cause) {
    const name = socketName(uri);
    switch (errnoOf(cause)) {
      case ENOENT:
      case ECONNREFUSED:
        throw new NetdevError(
          "ENODEV",
          `nobody listens on ${name}: start the peer first, or listen there with ,server=on`,
          { cause },
        );
      case EAGAIN:
        throw new NetdevError("EBUSY", `${name} has its peer, and others wait already`, { cause });
      default:
        throw new NetdevError("ENODEV", `${name}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** Listens on the socket of a URI. `NetdevError` when it can't; one line says what to do. */
export function listenSocket(uri: SocketUri): UnixListener {
  try {
    return uri.abstract ? listenAbstract(uri.socket, 0) : listenPath(uri.socket, 0);
  } catch (cause) {
    const name = socketName(uri);
    if (errnoOf(cause) !== EADDRINUSE) {
      throw new NetdevError("ENODEV", `${name}: ${messageOf(cause)}`, { cause });
    }
    const remedy = uri.abstract ? "take another name" : "remove the file if nobody uses it";
    throw new NetdevError("EBUSY", `${name} is there already: ${remedy}`, { cause });
  }
}

/** The socket of a URI, for people. */
export function socketName(uri: SocketUri): string {
  return `socket ${socketText(uri)}`;
}

function errnoOf(error: unknown): number | null {
  return error instanceof ErrnoError ? error.errno : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
