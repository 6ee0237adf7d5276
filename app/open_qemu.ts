import { e100Driver } from "../drivers/e100/e100_pci.ts";
import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { PciBus } from "../drivers/pci/pci_bus.ts";
import { QemuHost } from "../drivers/pci/qemu/qemu_host.ts";
import { VirtioBus } from "../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../drivers/virtio/virtio_net.ts";
import { virtioPciDriver } from "../drivers/virtio/virtio_pci_modern.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";
import { formatMacBytes } from "../stack/mod.ts";
import { closeNetdev } from "./close_netdev.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";

/** What to open. */
export interface QemuDeviceOptions extends DeviceConfig {
  /** QEMU's name of the NIC. */
  readonly model: string;
  /** Further properties of it for QEMU, or nothing. */
  readonly properties: string;
}

/** A driver of a network card, as far as it matters here. */
interface Located {
  /** Where its card sits. */
  readonly location: string;
}

/** Starts QEMU and probes the network card in it. */
export async function openQemu(
  options: QemuDeviceOptions,
  waiter: FdWaiter,
  clock: Clock,
): Promise<OpenDevice> {
  const { model, properties, mac, mtu, netdev, hub } = options;
  const { registry, onGone, onFailure, onLink } = options;
  const nic = { model, mac: formatMacBytes(mac), mtu, properties };
  const host = await QemuHost.start({ nic, netdev, hub, onGone }, waiter);
  try {
    const events = {
      // A card can't outlive its QEMU: how that ended is what there is to tell.
      onFailure: (reason: string): void => {
        if (!host.gone) onFailure(reason);
      },
      onLink,
    };
    const { netdev: device, driver } = probe(host, clock, registry, mtu, events);
    return {
      netdev: device,
      location: driver.location,
      pid: host.pid,
      close: async () => {
        try {
          closeNetdev(device, registry);
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

function probe(
  host: QemuHost,
  clock: Clock,
  registry: NetdevRegistry,
  mtu: number,
  events: { readonly onFailure: (reason: string) => void; readonly onLink: (up: boolean) => void },
): { netdev: Netdev; driver: Located } {
  const found: { netdev: Netdev; driver: Located }[] = [];
  const onDevice = (driver: Located, netdev: Netdev): void => void found.push({ netdev, driver });
  const virtioBus = new VirtioBus(clock);
  virtioBus.registerDriver(virtioNetDriver(registry, onDevice, events));
  const pciBus = new PciBus(host);
  pciBus.registerDriver(virtioPciDriver(virtioBus));
  // QEMU tells virtio's cards their MTU; the 8255x has none, beyond Ethernet's.
  pciBus.registerDriver(e100Driver(registry, { ...events, clock, mtu, onDevice }));
  pciBus.probe();
  if (found.length === 0) {
    throw new NetdevError("ENODEV", "QEMU's bus has no network card that a driver wants");
  }
  const [{ netdev, driver }] = found;
  netdev.probe();
  return { netdev, driver };
}
