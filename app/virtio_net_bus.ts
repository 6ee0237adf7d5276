import { VirtioBus } from "../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../drivers/virtio/virtio_net.ts";
import type { VirtioNetOptions } from "../drivers/virtio/virtio_net_card.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { DeviceConfig } from "./device.ts";

/**
 * The virtio bus with the driver of network cards, whatever they are reached through. `more`: whom they
 * tell, and the MTU of those that can't tell it.
 */
export function virtioNetBus(
  clock: Clock,
  { registry, mac, ring }: DeviceConfig,
  more: Omit<VirtioNetOptions, "mac" | "ring">,
  onDevice: (driver: unknown, netdev: Netdev) => void,
): VirtioBus {
  const bus = new VirtioBus(clock);
  bus.registerDriver(virtioNetDriver(registry, onDevice, { ...more, mac, ring }));
  return bus;
}
