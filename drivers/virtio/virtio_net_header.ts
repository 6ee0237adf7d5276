import { type FeatureSet, hasFeature } from "./features.ts";

/**
 * struct virtio_net_hdr (virtio 1.2 §5.1.6) stands in front of each frame:
 * `flags u8, gso_type u8, hdr_len u16, gso_size u16, csum_start u16, csum_offset u16`, and then:
 * `num_buffers u16`, except with a legacy device without VIRTIO_NET_F_MRG_RXBUF (§5.1.6.1);
 * `hash_value u32, hash_report u16, padding u16` with VIRTIO_NET_F_HASH_REPORT.
 */
const LEGACY_HDR_BYTES = 10;
const HDR_V1_BYTES = 12;
const HDR_V1_HASH_BYTES = 20;

/** Bytes of the header with these features, the same both ways. */
export function virtioNetHeaderBytes(negotiated: FeatureSet): number {
  if (hasFeature(negotiated, "VIRTIO_NET_F_HASH_REPORT")) return HDR_V1_HASH_BYTES;
  const v1 = hasFeature(negotiated, "VIRTIO_F_VERSION_1");
  return v1 || hasFeature(negotiated, "VIRTIO_NET_F_MRG_RXBUF") ? HDR_V1_BYTES : LEGACY_HDR_BYTES;
}

/** Offsets of the fields that are about a checksum. */
export const VIRTIO_NET_HDR_FLAGS = 0;
export const VIRTIO_NET_HDR_CSUM_START = 6;
export const VIRTIO_NET_HDR_CSUM_OFFSET = 8;

/** Flags (§5.1.6): the checksum is partial, and has been found right. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
export const VIRTIO_NET_HDR_F_DATA_VALID = 2;

/** Offset of num_buffers: over how many buffers the device has spread a received frame. */
export const VIRTIO_NET_HDR_NUM_BUFFERS = 10;

/** Ethernet header: a frame that is shorter is none. */
export const ETHERNET_HEADER_BYTES = 14;

/** A VLAN tag (IEEE 802.1Q) may stand in front of a full packet. */
export const VLAN_TAG_BYTES = 4;
