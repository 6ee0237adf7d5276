/** Feature bits by number: of the network device (virtio 1.2 §5.1.3), then of all devices (§6). */
const FEATURE_BITS = {
  VIRTIO_NET_F_CSUM: 0,
  VIRTIO_NET_F_GUEST_CSUM: 1,
  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS: 2,
  VIRTIO_NET_F_MTU: 3,
  VIRTIO_NET_F_MAC: 5,
  VIRTIO_NET_F_GSO: 6,
  VIRTIO_NET_F_GUEST_TSO4: 7,
  VIRTIO_NET_F_GUEST_TSO6: 8,
  VIRTIO_NET_F_GUEST_ECN: 9,
  VIRTIO_NET_F_GUEST_UFO: 10,
  VIRTIO_NET_F_HOST_TSO4: 11,
  VIRTIO_NET_F_HOST_TSO6: 12,
  VIRTIO_NET_F_HOST_ECN: 13,
  VIRTIO_NET_F_HOST_UFO: 14,
  VIRTIO_NET_F_MRG_RXBUF: 15,
  VIRTIO_NET_F_STATUS: 16,
  VIRTIO_NET_F_CTRL_VQ: 17,
  VIRTIO_NET_F_CTRL_RX: 18,
  VIRTIO_NET_F_CTRL_VLAN: 19,
  VIRTIO_NET_F_CTRL_RX_EXTRA: 20,
  VIRTIO_NET_F_GUEST_ANNOUNCE: 21,
  VIRTIO_NET_F_MQ: 22,
  VIRTIO_NET_F_CTRL_MAC_ADDR: 23,
  VIRTIO_F_NOTIFY_ON_EMPTY: 24,
  VIRTIO_F_ANY_LAYOUT: 27,
  VIRTIO_F_INDIRECT_DESC: 28,
  VIRTIO_F_EVENT_IDX: 29,
  VIRTIO_F_VERSION_1: 32,
  VIRTIO_F_ACCESS_PLATFORM: 33,
  VIRTIO_F_RING_PACKED: 34,
  VIRTIO_F_IN_ORDER: 35,
  VIRTIO_F_ORDER_PLATFORM: 36,
  VIRTIO_F_SR_IOV: 37,
  VIRTIO_F_NOTIFICATION_DATA: 38,
  VIRTIO_F_NOTIF_CONFIG_DATA: 39,
  VIRTIO_F_RING_RESET: 40,
  VIRTIO_NET_F_VQ_NOTF_COAL: 52,
  VIRTIO_NET_F_NOTF_COAL: 53,
  VIRTIO_NET_F_GUEST_USO4: 54,
  VIRTIO_NET_F_GUEST_USO6: 55,
  VIRTIO_NET_F_HOST_USO: 56,
  VIRTIO_NET_F_HASH_REPORT: 57,
  VIRTIO_NET_F_GUEST_HDRLEN: 59,
  VIRTIO_NET_F_RSS: 60,
  VIRTIO_NET_F_RSC_EXT: 61,
  VIRTIO_NET_F_STANDBY: 62,
  VIRTIO_NET_F_SPEED_DUPLEX: 63,
} as const;

/** The name of a feature bit, as the specification has it. */
export type FeatureName = keyof typeof FEATURE_BITS;

/** A set of features: bit n is feature n. Negotiated once per device, so a BigInt does no harm. */
export type FeatureSet = bigint;

/** The set of these features. */
export function featureSet(...names: readonly FeatureName[]): FeatureSet {
  return names.reduce((set, name) => set | 1n << BigInt(FEATURE_BITS[name]), 0n);
}

/** Whether a feature is in the set. */
export function hasFeature(set: FeatureSet, name: FeatureName): boolean {
  return (set >> BigInt(FEATURE_BITS[name]) & 1n) === 1n;
}

/** The features of the set by name without prefix, in order of their bits; `bit 50` where none is known. */
export function featureNames(set: FeatureSet): string[] {
  const names = new Map<number, string>(
    Object.entries(FEATURE_BITS).map(([name, bit]) => [bit, name]),
  );
  const result: string[] = [];
  for (let bit = 0; set >> BigInt(bit) !== 0n; bit++) {
    if ((set >> BigInt(bit) & 1n) === 0n) continue;
    result.push(names.get(bit)?.replace(/^VIRTIO_(NET_)?F_/, "") ?? `bit ${bit}`);
  }
  return result;
}
