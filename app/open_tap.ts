import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { TapInterface } from "../drivers/tap/tap_interface.ts";
import { TapNetdev } from "../drivers/tap/tap_netdev.ts";
import { closeNetdev } from "../netdev/close_netdev.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { TapUri } from "./device_uri.ts";

/** Attaches to a TAP interface of Linux's, or makes it. */
export async function openTap(
  { name }: TapUri,
  { mac, mtu, registry, onGone, onLink }: DeviceConfig,
  waiter: FdWaiter,
): Promise<OpenDevice> {
  const tap = new TapInterface(name, mtu);
  await tap.carrierNoticed();
  const driver = new TapNetdev({
    tap,
    waiter,
    mac,
    mtu,
    onLink,
    onGone: ({ message }) => onGone(message),
  });
  const netdev = registry.drvRegister(driver.device);
  return {
    netdev,
    location: `interface ${name}`,
    pid: null,
    close: () => Promise.resolve(closeNetdev(netdev, registry)),
  };
}
