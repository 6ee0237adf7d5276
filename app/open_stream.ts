import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { StreamNetdev } from "../drivers/stream/stream_netdev.ts";
import { StreamServer } from "../drivers/stream/stream_server.ts";
import { closeNetdev } from "../netdev/close_netdev.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { StreamUri } from "./device_uri.ts";
import { connectSocket, listenSocket, socketName } from "./socket_uri.ts";

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
  const driver = new StreamNetdev({ socket: connectSocket(uri), waiter, mac, mtu, onGone });
  return describe(driver, config.registry, `${socketName(uri)}, connected`, () => {});
}

function openServer(uri: StreamUri, config: DeviceConfig, waiter: FdWaiter): OpenDevice {
  const { mac, mtu, onLink } = config;
  const listener = listenSocket(uri);
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
