import { NetdevError } from "../../netdev/netdev_error.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";

/** struct virtio_net_config (virtio 1.2 §5.1.4): byte offsets. */
const CONFIG_MAC = 0;
const CONFIG_STATUS = 6;
const CONFIG_MAX_VIRTQUEUE_PAIRS = 8;
const CONFIG_MTU = 10;
const CONFIG_SPEED = 12;
const CONFIG_DUPLEX = 16;
const CONFIG_RSS_MAX_KEY_SIZE = 17;
const CONFIG_RSS_MAX_INDIRECTION_TABLE_LENGTH = 18;
const CONFIG_SUPPORTED_HASH_TYPES = 20;

/** The link is up (§5.1.4). */
const VIRTIO_NET_S_LINK_UP = 1;
/** The device wants its host to be announced (§5.1.6.5.4). */
const VIRTIO_NET_S_ANNOUNCE = 2;

/** Fastest speed that there is, in Mbit/s; what is above means that it isn't known (§5.1.4). */
const SPEED_MAX = 0x7fff_ffff;
/** What duplex may be (§5.1.4); something else means that it isn't known. */
const DUPLEX_NAMES: readonly string[] = ["half", "full"];

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

/** What the device tells of itself by and by (§5.1.4). */
export interface VirtioNetStatus {
  /** Always, where the device can't tell. */
  readonly linkUp: boolean;
  /** It wants its host to be announced. Only with VIRTIO_NET_F_GUEST_ANNOUNCE. */
  readonly announce: boolean;
}

/** The status field, read once; without one the transport may know of the link. */
export function readStatus(device: VirtioDevice, features: FeatureSet): VirtioNetStatus {
  if (!hasFeature(features, "VIRTIO_NET_F_STATUS")) {
    return { linkUp: device.transport.linkUp ?? true, announce: false };
  }
  const status = device.transport.configRead(CONFIG_STATUS, 2);
  return {
    linkUp: (status & VIRTIO_NET_S_LINK_UP) !== 0,
    announce: hasFeature(features, "VIRTIO_NET_F_GUEST_ANNOUNCE") &&
      (status & VIRTIO_NET_S_ANNOUNCE) !== 0,
  };
}

/** How fast the link is. */
export interface VirtioNetSpeed {
  /** Mbit/s; null where it isn't known. */
  readonly speed: number | null;
  /** `half` or `full`; null where it isn't known. */
  readonly duplex: string | null;
}

/** How fast the link is now; null without VIRTIO_NET_F_SPEED_DUPLEX, or without room for it. */
export function readSpeed(device: VirtioDevice, features: FeatureSet): VirtioNetSpeed | null {
  if (!hasFeature(features, "VIRTIO_NET_F_SPEED_DUPLEX")) return null;
  if (device.transport.configLength <= CONFIG_DUPLEX) return null;
  return device.readConfig((transport) => {
    const speed = transport.configRead(CONFIG_SPEED, 4);
    const duplex = transport.configRead(CONFIG_DUPLEX, 1);
    return {
      speed: speed > SPEED_MAX ? null : speed,
      duplex: DUPLEX_NAMES[duplex] ?? null,
    };
  });
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
