import {
  NETDEV_F_PARTIAL_CSUM,
  NETDEV_F_RX_CSUM,
  type NetdevDriverInfo,
} from "../../netdev/netdev_types.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import {
  ETHERNET_HEADER_BYTES,
  virtioNetHeaderBytes,
  VLAN_TAG_BYTES,
} from "./virtio_net_header.ts";

/** What a card with these features needs of netbufs and can do: for packets of up to `maxMtu` bytes. */
export function virtioNetInfo(
  features: FeatureSet,
  maxMtu: number,
  rxqInterrupts: boolean,
): NetdevDriverInfo {
  const headerBytes = virtioNetHeaderBytes(features);
  return {
    encapTx: headerBytes,
    encapRx: headerBytes,
    minRxBufferBytes: minRxBufferBytes(features, maxMtu),
    rxqInterrupts,
    ...checksumFeatures(features),
  };
}

/**
 * A frame whose first buffer doesn't hold its Ethernet header is none. Without mergeable buffers
 * each has to take a frame of the MTU, tagged or not (virtio 1.2 §5.1.4.2, §5.1.6.3.1).
 */
function minRxBufferBytes(features: FeatureSet, maxMtu: number): number {
  if (hasFeature(features, "VIRTIO_NET_F_MRG_RXBUF")) return ETHERNET_HEADER_BYTES;
  return ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + maxMtu;
}

/** Absent where there are none. */
function checksumFeatures(features: FeatureSet): { readonly features?: number } {
  const bits = (hasFeature(features, "VIRTIO_NET_F_CSUM") ? NETDEV_F_PARTIAL_CSUM : 0) |
    (hasFeature(features, "VIRTIO_NET_F_GUEST_CSUM") ? NETDEV_F_RX_CSUM : 0);
  return bits === 0 ? {} : { features: bits };
}
