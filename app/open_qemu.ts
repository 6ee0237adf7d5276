import { e100Driver } from "../drivers/e100/e100_pci.ts";
import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { PciBus } from "../drivers/pci/pci_bus.ts";
import { QemuHost } from "../drivers/pci/qemu/qemu_host.ts";
import type { VirtioNetEvents } from "../drivers/virtio/virtio_net_card.ts";
import { virtioPciDriver } from "../drivers/virtio/virtio_pci.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { formatMacBytes } from "../stack/mod.ts";
import { CardSlot } from "./card_slot.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import { virtioNetBus } from "./virtio_net_bus.ts";

/** What to open. */
export interface QemuDeviceOptions extends DeviceConfig {
  /** QEMU's name of the NIC. */
  readonly model: string;
  /** Further properties of it for QEMU, or nothing. */
  readonly properties: string;
}

/** Starts QEMU, probes the network card in it, and follows that when it's taken out and put back. */
export async function openQemu(
  options: QemuDeviceOptions,
  waiter: FdWaiter,
  clock: Clock,
): Promise<OpenDevice> {
  const { model, properties, mac, mtu, queues, netdev, hub, monitor, onGone } = options;
  const nic = { model, mac: formatMacBytes(mac), mtu, queues, properties };
  const host = await QemuHost.start({ nic, netdev, hub, monitor, onGone }, waiter);
  try {
    const slot = cardSlot(host, clock, options);
    const card = slot.find();
    card.netdev.probe();
    host.watchSlots(slot);
    return {
      netdev: card.netdev,
      location: `pci ${card.device.name}`,
      pid: host.pid,
      close: async () => {
        try {
          slot.close();
        } finally {
          await host.close();
        }
      },
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** The bus of this QEMU with every driver that there is for its cards. */
function cardSlot(host: QemuHost, clock: Clock, options: QemuDeviceOptions): CardSlot {
  const { registry, mtu } = options;
  const bus = new PciBus(host);
  const slot = new CardSlot(bus, options);
  const onDevice = (_driver: unknown, netdev: Netdev): void => slot.registered(netdev);
  const events = cardEvents(host, options);
  bus.registerDriver(virtioPciDriver(virtioNetBus(clock, options, events, onDevice)));
  // QEMU tells virtio's cards their MTU; the 8255x has none, beyond Ethernet's.
  bus.registerDriver(e100Driver(registry, { ...events, clock, mtu, onDevice }));
  return slot;
}

/** What a card in a QEMU tells. It can't outlive that: how that ended is what there is to tell then. */
export function cardEvents(
  host: { readonly gone: boolean },
  { onFailure, onLink, onAnnounce }: QemuDeviceOptions,
): VirtioNetEvents {
  return {
    onFailure: (reason: string): void => {
      if (!host.gone) onFailure(reason);
    },
    onLink,
    onAnnounce,
  };
}
