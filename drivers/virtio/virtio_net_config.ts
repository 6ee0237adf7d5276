import { type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";

/** struct virtio_net_config (virtio 1.2 §5.1.4): byte offsets. */
const CONFIG_MAC = 0;
const CONFIG_STATUS = 6;
const CONFIG_MTU = 10;

/** The link is up (§5.1.4). */
const VIRTIO_NET_S_LINK_UP = 1;

/** Smallest MTU of IPv4 (RFC 791 §3.2): a device that offers less has made a mistake. */
const MIN_MTU = 68;

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
