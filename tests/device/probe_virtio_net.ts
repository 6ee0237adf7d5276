import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { VirtioTransport } from "../../drivers/virtio/virtio_transport.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";

/** A network card's driver, and its netdev, probed. */
export interface ProbedVirtioNet {
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
}

/** Has the driver take up the network card behind `transport`. */
export function probeVirtioNet(
  transport: VirtioTransport,
  ring: RingFormat = "split",
): ProbedVirtioNet {
  const registry = new NetdevRegistry();
  const drivers: VirtioNet[] = [];
  const bus = new VirtioBus(monotonicClock);
  bus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), { ring }));
  bus.addDevice(transport);
  const netdev = registry.get(0);
  netdev.probe();
  return { netdev, driver: drivers[0] };
}
