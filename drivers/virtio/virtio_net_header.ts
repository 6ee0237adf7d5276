/**
 * struct virtio_net_hdr (virtio 1.2 §5.1.6) stands in front of each frame:
 * `flags u8, gso_type u8, hdr_len u16, gso_size u16, csum_start u16, csum_offset u16, num_buffers u16`.
 */
export const VIRTIO_NET_HDR_BYTES = 12;

/** Offset of num_buffers: over how many buffers the device has spread a received frame. */
export const VIRTIO_NET_HDR_NUM_BUFFERS = 10;

/** Ethernet header: a frame that is shorter is none. */
export const ETHERNET_HEADER_BYTES = 14;

/** A VLAN tag (IEEE 802.1Q) may stand in front of a full packet. */
export const VLAN_TAG_BYTES = 4;

/** Clears the header at an even `offset`: no checksum, no segmentation, num_buffers 0 (§5.1.6.2). */
export function clearHeader(u16: Uint16Array, offset: number): void {
  const first = offset >>> 1;
  u16[first] = 0;
  u16[first + 1] = 0;
  u16[first + 2] = 0;
  u16[first + 3] = 0;
  u16[first + 4] = 0;
  u16[first + 5] = 0;
}
