import type { PciDriver } from "../pci/pci_bus.ts";
import type { PciDevice } from "../pci/pci_device.ts";
import { featureSet } from "./features.ts";
import type { VirtioBus } from "./virtio_bus.ts";
import { VirtioPciLegacy } from "./virtio_pci_legacy.ts";
import { VirtioError } from "./virtio_error.ts";
import { isVirtioPciModern, VirtioPciModern } from "./virtio_pci_modern.ts";
import type { InterruptMode, VirtioTransport } from "./virtio_transport.ts";

/**
 * PCI ids of a network card (virtio 1.2 §4.1.2): the one of a modern device, and the one that it has
 * while it's transitional, or legacy only. There the subsystem id has the type, too (§4.1.2.3).
 */
const VIRTIO_PCI_VENDOR_ID = 0x1af4;
const VIRTIO_NET_MODERN_DEVICE_ID = 0x1041;
const VIRTIO_NET_TRANSITIONAL_DEVICE_ID = 0x1000;
const VIRTIO_DEVICE_TYPE_NET = 1;

const ACCESS_PLATFORM = featureSet("VIRTIO_F_ACCESS_PLATFORM");

/** How the driver may be told to do less than it can, for a test. */
export interface VirtioPciOptions {
  /** Ways to interrupt that are tried, in order; default all of them. */
  readonly interruptModes?: readonly InterruptMode[];
}

/**
 * The PCI driver that hands virtio network devices to the virtio bus: by the modern interface where
 * there's one, else by the legacy one.
 */
export function virtioPciDriver(bus: VirtioBus, options: VirtioPciOptions = {}): PciDriver<null> {
  const transports = new Map<PciDevice, VirtioTransport>();
  return {
    name: "virtio-pci",
    ids: [
      {
        vendorId: VIRTIO_PCI_VENDOR_ID,
        deviceId: VIRTIO_NET_MODERN_DEVICE_ID,
        driverData: null,
      },
      {
        vendorId: VIRTIO_PCI_VENDOR_ID,
        deviceId: VIRTIO_NET_TRANSITIONAL_DEVICE_ID,
        subdeviceId: VIRTIO_DEVICE_TYPE_NET,
        driverData: null,
      },
    ],
    probe: (device) => {
      try {
        const transport = isVirtioPciModern(device)
          ? new VirtioPciModern(device, options.interruptModes)
          : new VirtioPciLegacy(device, options.interruptModes);
        if (device.host.behindIommu === true) refuseBypass(transport);
        bus.addDevice(transport);
        transports.set(device, transport);
      } catch (error) {
        device.release();
        throw error;
      }
    },
    remove: (device) => {
      const transport = transports.get(device);
      transports.delete(device);
      try {
        if (transport !== undefined) bus.removeDevice(transport);
      } finally {
        transport?.shutdown();
      }
    },
  };
}

/**
 * A card that doesn't offer the feature takes addresses for those of physical memory (§6.1), whatever
 * IOMMU it seems to be behind. `VirtioError` for such a one.
 */
function refuseBypass(transport: VirtioTransport): void {
  if ((transport.deviceFeatures() & ACCESS_PLATFORM) !== 0n) return;
  throw new VirtioError(
    `${transport.name} goes around the IOMMU, and would write to memory that isn't ours: it doesn't ` +
      "offer ACCESS_PLATFORM; QEMU's cards do with disable-legacy=on,iommu_platform=on",
  );
}
