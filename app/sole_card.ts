import type { VirtioTransport } from "../drivers/virtio/virtio_transport.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import { virtioNetBus } from "./virtio_net_bus.ts";

/**
 * Opens the virtio network card behind a transport that no bus has found. What the card needs is in
 * `held`, which the open device takes over: it's let go of when the card is closed, and after it.
 */
export function openSoleCard(
  transport: VirtioTransport,
  config: DeviceConfig,
  clock: Clock,
  held: DisposableStack,
): OpenDevice {
  held.adopt(transport, (transport) => transport.shutdown());
  const { mtu, onFailure, onLink, onAnnounce } = config;
  const found: Netdev[] = [];
  // Such a card may have no address and tell no MTU: both are the host's then.
  const own = { mtu, onFailure, onLink, onAnnounce };
  const bus = virtioNetBus(clock, config, own, (_, netdev) => found.push(netdev));
  bus.addDevice(transport);
  held.defer(() => bus.removeDevice(transport));
  const [netdev] = found;
  netdev.probe();
  const ending = held.move();
  return {
    netdev,
    location: transport.name,
    pid: null,
    close: () => {
      ending.dispose();
      return Promise.resolve();
    },
  };
}
