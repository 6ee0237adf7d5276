import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { connectHub } from "../drivers/hub/hub_port.ts";
import { StreamNetdev } from "../drivers/stream/stream_netdev.ts";
import { closeNetdev } from "../netdev/close_netdev.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";

/** Joins the network of a running appliance on a free port of its hub, of this name. */
export async function openHub(
  hub: string,
  config: DeviceConfig,
  waiter: FdWaiter,
): Promise<OpenDevice> {
  const { mac, mtu, registry } = config;
  const { socket, headerSent, port } = await connectHub(hub);
  const onGone = ({ message }: Error): void => config.onGone(message);
  const driver = new StreamNetdev({ socket, headerSent, waiter, mac, mtu, onGone });
  const netdev = registry.drvRegister(driver.device);
  return {
    netdev,
    location: `port ${port} of hub ${hub}`,
    pid: null,
    close: () => Promise.resolve(closeNetdev(netdev, registry)),
  };
}
