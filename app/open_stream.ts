import { EADDRINUSE, EAGAIN, ECONNREFUSED, ENOENT, ErrnoError } from "../drivers/ffi/errno.ts";
import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import {
  connectAbstract,
  connectPath,
  listenAbstract,
  listenPath,
  type UnixListener,
  type UnixSocket,
} from "../drivers/ffi/unix_socket.ts";
import { StreamNetdev } from "../drivers/stream/stream_netdev.ts";
import { StreamServer } from "../drivers/stream/stream_server.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";
import { closeNetdev } from "./close_netdev.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { StreamUri } from "./device_uri.ts";

/**
 * Connects to a UNIX socket, or listens on one: then the link is down until a peer comes, and again
 * from its end to the next one. A peer that we connected to and that goes is a failure.
 */
export function openStream(uri: StreamUri, config: DeviceConfig, waiter: FdWaiter): OpenDevice {
  return uri.server ? openServer(uri, config, waiter) : openClient(uri, config, waiter);
}

function openClient(uri: StreamUri, config: DeviceConfig, waiter: FdWaiter): OpenDevice {
  const { mac, mtu } = config;
  const onGone = ({ message }: Error): void => config.onGone(`${socketName(uri)}: ${message}`);
  const driver = new StreamNetdev({ socket: connect(uri), waiter, mac, mtu, onGone });
  return describe(driver, config.registry, `${socketName(uri)}, connected`, () => {});
}

function openServer(uri: StreamUri, config: DeviceConfig, waiter: FdWaiter): OpenDevice {
  const { mac, mtu, onLink } = config;
  const listener = listen(uri);
  const driver: StreamNetdev = new StreamNetdev({
    socket: null,
    waiter,
    mac,
    mtu,
    onGone: () => server.peerGone(),
  });
  const server: StreamServer = new StreamServer(listener, driver, waiter, onLink);
  return describe(
    driver,
    config.registry,
    `${socketName(uri)}, listening`,
    () => server[Symbol.dispose](),
  );
}

function describe(
  driver: StreamNetdev,
  registry: NetdevRegistry,
  location: string,
  end: () => void,
): OpenDevice {
  const netdev = registry.drvRegister(driver.device);
  return {
    netdev,
    location,
    pid: null,
    close: () => {
      end();
      closeNetdev(netdev, registry);
      return Promise.resolve();
    },
  };
}

function connect(uri: StreamUri): UnixSocket {
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

function listen(uri: StreamUri): UnixListener {
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

function socketName({ socket, abstract }: StreamUri): string {
  return `socket ${abstract ? "@" : ""}${socket}`;
}

function errnoOf(error: unknown): number | null {
  return error instanceof ErrnoError ? error.errno : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
