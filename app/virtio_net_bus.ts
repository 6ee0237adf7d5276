import { VirtioBus } from "../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../drivers/virtio/virtio_net.ts";
import type { VirtioNetEvents } from "../drivers/virtio/virtio_net_card.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { DeviceConfig } from "./device.ts";

/** The virtio bus with the driver of network cards, whatever they are reached through. */
export function virtioNetBus(
  clock: Clock,
  { registry, mac, ring }: DeviceConfig,
  events: VirtioNetEvents,
  onDevice: (driver: unknown, netdev: Netdev) => void,
): VirtioBus {
  const bus = new VirtioBus(clock);
  bus.registerDriver(virtioNetDriver(registry, onDevice, { ...events, mac, ring }));
  return bus;
}
