import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { MicrovmHost } from "../drivers/pci/qemu/microvm_host.ts";
import type { VirtioBus } from "../drivers/virtio/virtio_bus.ts";
import { probeVirtioMmio, type VirtioMmio } from "../drivers/virtio/virtio_mmio.ts";
import type { Clock } from "../netdev/clock.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import { formatMacBytes } from "../stack/mod.ts";
import type { OpenDevice } from "./device.ts";
import { cardEvents, type QemuDeviceOptions } from "./open_qemu.ts";
import { virtioNetBus } from "./virtio_net_bus.ts";

/** Our own property beside QEMU's: the registers of virtio-mmio's version 1 in place of 2. */
const LEGACY = /^legacy=(on|off)$/;

/** A card that was found, with the bus that its driver is on. */
interface FoundCard {
  readonly bus: VirtioBus;
  readonly transport: VirtioMmio;
  readonly netdev: Netdev;
}

/** Starts QEMU's microvm, and probes the network card in it, which nobody can take out. */
export async function openMicrovm(
  options: QemuDeviceOptions,
  waiter: FdWaiter,
  clock: Clock,
): Promise<OpenDevice> {
  const { model, mac, mtu, queues, netdev, hub, monitor, onGone } = options;
  const { properties, legacy } = parseProperties(options.properties);
  const nic = { model, mac: formatMacBytes(mac), mtu, queues, properties };
  const host = await MicrovmHost.start({ nic, legacy, netdev, hub, monitor, onGone }, waiter);
  try {
    const { bus, transport, netdev: card } = findCard(host, clock, options);
    card.probe();
    return {
      netdev: card,
      location: transport.name,
      pid: host.pid,
      close: async () => {
        try {
          bus.removeDevice(transport);
        } finally {
          transport.shutdown();
          await host.close();
        }
      },
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** What is QEMU's, and what is ours. */
function parseProperties(text: string): { readonly properties: string; readonly legacy: boolean } {
  const all = text === "" ? [] : text.split(",");
  return {
    properties: all.filter((property) => !LEGACY.test(property)).join(","),
    legacy: all.findLast((property) => LEGACY.test(property)) === "legacy=on",
  };
}

/** Has virtio's drivers look for their devices. `NetdevError("ENODEV")` when there's no card. */
function findCard(host: MicrovmHost, clock: Clock, options: QemuDeviceOptions): FoundCard {
  const found: Netdev[] = [];
  const events = cardEvents(host, options);
  const bus = virtioNetBus(clock, options, events, (_, netdev) => found.push(netdev));
  const [transport] = probeVirtioMmio(bus, host.slots);
  if (transport !== undefined) return { bus, transport, netdev: found[0] };
  throw new NetdevError("ENODEV", "QEMU's microvm has no network card that a driver wants");
}
