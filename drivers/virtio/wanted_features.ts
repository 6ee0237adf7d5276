import { type FeatureSet, featureSet } from "./features.ts";
import { PAIR_FEATURES } from "./virtio_net_pairs.ts";
import type { VirtioTransport } from "./virtio_transport.ts";

/** Of every network card, beside pairs of queues and what its rings are. */
const WANTED = featureSet(
  "VIRTIO_NET_F_CSUM",
  "VIRTIO_NET_F_GUEST_CSUM",
  "VIRTIO_NET_F_MTU",
  "VIRTIO_NET_F_MAC",
  "VIRTIO_NET_F_MRG_RXBUF",
  "VIRTIO_NET_F_STATUS",
  "VIRTIO_NET_F_CTRL_VQ",
  "VIRTIO_NET_F_CTRL_RX",
  "VIRTIO_NET_F_CTRL_VLAN",
  "VIRTIO_NET_F_CTRL_RX_EXTRA",
  "VIRTIO_NET_F_GUEST_ANNOUNCE",
  "VIRTIO_NET_F_CTRL_MAC_ADDR",
  "VIRTIO_NET_F_VQ_NOTF_COAL",
  "VIRTIO_NET_F_NOTF_COAL",
  "VIRTIO_NET_F_SPEED_DUPLEX",
  "VIRTIO_F_VERSION_1",
);

/**
 * What a device offers that sees the addresses which its bus gives to memory, behind an IOMMU for one,
 * and no others. A driver must accept it (§6.1), and all descriptors have such addresses here.
 */
const WANTED_OF_PLATFORM = featureSet("VIRTIO_F_ACCESS_PLATFORM");

/** What only a legacy device offers: with it, virtio's header and a frame share a descriptor (§2.7.4.3). */
const WANTED_OF_LEGACY = featureSet("VIRTIO_F_ANY_LAYOUT");

/** What a device may offer whose transport has no register for it: QEMU's behind virtio-mmio does. */
const WANTED_WITH_QUEUE_RESET = featureSet("VIRTIO_F_RING_RESET");

/** What the driver of network cards makes use of, where it's offered; `ring`: of its rings. */
export function wantedFeatures(transport: VirtioTransport, ring: FeatureSet): FeatureSet {
  return WANTED | WANTED_OF_PLATFORM | PAIR_FEATURES | ring |
    (transport.legacy ? WANTED_OF_LEGACY : 0n) |
    (transport.queueReset ? WANTED_WITH_QUEUE_RESET : 0n);
}
