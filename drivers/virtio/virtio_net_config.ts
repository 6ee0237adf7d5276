import { NetdevError } from "../../netdev/netdev_error.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";

/** struct virtio_net_config (virtio 1.2 §5.1.4): byte offsets. */
const CONFIG_MAC = 0;
const CONFIG_STATUS = 6;
const CONFIG_MAX_VIRTQUEUE_PAIRS = 8;
const CONFIG_MTU = 10;
const CONFIG_RSS_MAX_KEY_SIZE = 17;
const CONFIG_RSS_MAX_INDIRECTION_TABLE_LENGTH = 18;
const CONFIG_SUPPORTED_HASH_TYPES = 20;

/** The link is up (§5.1.4). */
const VIRTIO_NET_S_LINK_UP = 1;

/** Smallest MTU of IPv4 (RFC 791 §3.2): a device that offers less has made a mistake. */
const MIN_MTU = 68;

/** Most pairs that a device may have (§5.1.4.1). */
const MAX_VIRTQUEUE_PAIRS_MAX = 0x8000;

/** What a device takes for its hash (§5.1.4). */
export interface RssLimits {
  /** Most bytes of a key. */
  readonly maxKeyBytes: number;
  /** Most entries of an indirection table; 0 without RSS. */
  readonly maxTable: number;
  /** What it's able to hash: bits of §5.1.6.4.3.1. */
  readonly hashTypes: number;
}

/** The 6 bytes of the MAC address. Only with VIRTIO_NET_F_MAC. */
export function readMac(device: VirtioDevice): Uint8Array {
  return device.readConfig((transport) =>
    Uint8Array.from({ length: 6 }, (_, i) => transport.configRead(CONFIG_MAC + i, 1))
  );
}

/** The MTU that the device tells; null where it tells none, or one below IPv4's smallest (§5.1.4.1). */
export function readMtu(device: VirtioDevice, offered: FeatureSet): number | null {
  if (!hasFeature(offered, "VIRTIO_NET_F_MTU")) return null;
  const mtu = device.transport.configRead(CONFIG_MTU, 2);
  return mtu < MIN_MTU ? null : mtu;
}

/** Whether the link is up; always, where the device can't tell. */
export function readLink(device: VirtioDevice, features: FeatureSet): boolean {
  if (!hasFeature(features, "VIRTIO_NET_F_STATUS")) return true;
  return (device.transport.configRead(CONFIG_STATUS, 2) & VIRTIO_NET_S_LINK_UP) !== 0;
}

/** Pairs of queues that the device has. Only with VIRTIO_NET_F_MQ or VIRTIO_NET_F_RSS. */
export function readMaxPairs(device: VirtioDevice): number {
  const { transport } = device;
  const pairs = transport.configRead(CONFIG_MAX_VIRTQUEUE_PAIRS, 2);
  if (pairs >= 1 && pairs <= MAX_VIRTQUEUE_PAIRS_MAX) return pairs;
  throw new NetdevError(
    "EIO",
    `${transport.name} has ${pairs} pairs of queues: 1 to ${MAX_VIRTQUEUE_PAIRS_MAX} can be`,
  );
}

/** What the device takes for its hash. Only with VIRTIO_NET_F_RSS or VIRTIO_NET_F_HASH_REPORT. */
export function readRssLimits(device: VirtioDevice): RssLimits {
  return device.readConfig((transport) => ({
    maxKeyBytes: transport.configRead(CONFIG_RSS_MAX_KEY_SIZE, 1),
    maxTable: transport.configRead(CONFIG_RSS_MAX_INDIRECTION_TABLE_LENGTH, 2),
    hashTypes: transport.configRead(CONFIG_SUPPORTED_HASH_TYPES, 4),
  }));
}
