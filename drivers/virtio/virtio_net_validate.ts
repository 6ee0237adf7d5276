import { NetdevError } from "../../netdev/netdev_error.ts";
import { type FeatureName, type FeatureSet, featureSet, hasFeature } from "./features.ts";

/** Features that are commands of the control queue: without it they can't be (Linux: virtnet_validate). */
const COMMANDS: readonly FeatureName[] = [
  "VIRTIO_NET_F_CTRL_RX",
  "VIRTIO_NET_F_CTRL_VLAN",
  "VIRTIO_NET_F_GUEST_ANNOUNCE",
  "VIRTIO_NET_F_MQ",
  "VIRTIO_NET_F_CTRL_MAC_ADDR",
  "VIRTIO_NET_F_RSS",
  "VIRTIO_NET_F_HASH_REPORT",
  "VIRTIO_NET_F_NOTF_COAL",
  "VIRTIO_NET_F_VQ_NOTF_COAL",
];

/**
 * What a feature needs besides (virtio 1.2 §5.1.3.1), one of the features behind it at least. Those
 * that others need stand before these. An announcement is asked for in the status field, and only
 * VIRTIO_NET_F_STATUS has one (§5.1.4).
 */
const REQUIREMENTS: readonly (readonly [FeatureName, readonly FeatureName[]])[] = [
  ["VIRTIO_NET_F_CTRL_RX_EXTRA", ["VIRTIO_NET_F_CTRL_RX"]],
  ["VIRTIO_NET_F_GUEST_ANNOUNCE", ["VIRTIO_NET_F_STATUS"]],
  ["VIRTIO_NET_F_GUEST_TSO4", ["VIRTIO_NET_F_GUEST_CSUM"]],
  ["VIRTIO_NET_F_GUEST_TSO6", ["VIRTIO_NET_F_GUEST_CSUM"]],
  ["VIRTIO_NET_F_GUEST_ECN", ["VIRTIO_NET_F_GUEST_TSO4", "VIRTIO_NET_F_GUEST_TSO6"]],
  ["VIRTIO_NET_F_GUEST_UFO", ["VIRTIO_NET_F_GUEST_CSUM"]],
  ["VIRTIO_NET_F_GUEST_USO4", ["VIRTIO_NET_F_GUEST_CSUM"]],
  ["VIRTIO_NET_F_GUEST_USO6", ["VIRTIO_NET_F_GUEST_CSUM"]],
  ["VIRTIO_NET_F_HOST_TSO4", ["VIRTIO_NET_F_CSUM"]],
  ["VIRTIO_NET_F_HOST_TSO6", ["VIRTIO_NET_F_CSUM"]],
  ["VIRTIO_NET_F_HOST_ECN", ["VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_HOST_TSO6"]],
  ["VIRTIO_NET_F_HOST_UFO", ["VIRTIO_NET_F_CSUM"]],
  ["VIRTIO_NET_F_HOST_USO", ["VIRTIO_NET_F_CSUM"]],
  ["VIRTIO_NET_F_RSC_EXT", ["VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_HOST_TSO6"]],
];

/**
 * Looks at what the card at `location` offers before anything is accepted, as Linux's
 * `virtnet_validate` does. `NetdevError("EIO")` for an offer that can't be; one line says why.
 */
export function validateOffer(location: string, offered: FeatureSet): void {
  if (hasFeature(offered, "VIRTIO_NET_F_CTRL_VQ")) return;
  const impossible = COMMANDS.find((name) => hasFeature(offered, name));
  if (impossible === undefined) return;
  throw new NetdevError(
    "EIO",
    `${location} offers ${impossible} without VIRTIO_NET_F_CTRL_VQ, which can't be`,
  );
}

/**
 * What may be accepted of an offer: a feature without another that it needs may not (§5.1.3.1). Such
 * an offer is no mistake of the device's, as §5.1.3.1 speaks of what a driver accepts.
 */
export function acceptable(offered: FeatureSet): FeatureSet {
  return REQUIREMENTS.reduce((features, [name, needs]) => {
    const isMet = needs.some((need) => hasFeature(features, need));
    return isMet ? features : features & ~featureSet(name);
  }, offered);
}
