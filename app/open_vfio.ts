import { e100Driver } from "../drivers/e100/e100_pci.ts";
import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import type { PciAddress } from "../drivers/pci/pci_address.ts";
import { PciBus } from "../drivers/pci/pci_bus.ts";
import { VfioHost } from "../drivers/pci/vfio/vfio_host.ts";
import { virtioPciDriver } from "../drivers/virtio/virtio_pci.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { CardSlot } from "./card_slot.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import { virtioNetBus } from "./virtio_net_bus.ts";

/** What to open. */
export interface VfioDeviceOptions extends DeviceConfig {
  /** Where the card sits; null for the first that there's a driver for. */
  readonly address: PciAddress | null;
}

/** Takes a network card of this machine, and follows it when it's taken out and put back. */
export function openVfio(options: VfioDeviceOptions, waiter: FdWaiter, clock: Clock): OpenDevice {
  const { address, registry, mtu, onFailure, onLink, onAnnounce } = options;
  const events = { onFailure, onLink, onAnnounce };
  let slot: CardSlot | null = null;
  const onDevice = (_driver: unknown, netdev: Netdev): void => slot?.registered(netdev);
  const virtio = virtioPciDriver(virtioNetBus(clock, options, events, onDevice));
  const e100 = e100Driver(registry, { ...events, clock, mtu, onDevice });
  const host = new VfioHost({ address, wanted: [...virtio.ids, ...e100.ids] }, waiter);
  try {
    const bus = new PciBus(host);
    bus.registerDriver(virtio);
    bus.registerDriver(e100);
    const cards = slot = new CardSlot(bus, options);
    const card = cards.find();
    card.netdev.probe();
    host.watchSlots(cards);
    return {
      netdev: card.netdev,
      location: `pci ${card.device.name}`,
      pid: null,
      close: () => Promise.resolve(close(cards, host)),
    };
  } catch (error) {
    host[Symbol.dispose]();
    throw error;
  }
}

function close(slot: CardSlot, host: VfioHost): void {
  try {
    slot.close();
  } finally {
    host[Symbol.dispose]();
  }
}
