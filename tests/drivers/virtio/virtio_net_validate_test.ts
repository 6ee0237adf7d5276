import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type FeatureName,
  featureNames,
  featureSet,
  hasFeature,
} from "../../../drivers/virtio/features.ts";
import { acceptable, validateOffer } from "../../../drivers/virtio/virtio_net_validate.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import {
  CONTROL_FEATURES,
  NET_FEATURES,
  VIRTIO_NET_F_CTRL_VQ,
} from "../../device/virtio_net_model.ts";
import { ProbedNet } from "./net_link.ts";

for (
  const name of [
    "VIRTIO_NET_F_CTRL_RX",
    "VIRTIO_NET_F_CTRL_VLAN",
    "VIRTIO_NET_F_GUEST_ANNOUNCE",
    "VIRTIO_NET_F_MQ",
    "VIRTIO_NET_F_CTRL_MAC_ADDR",
    "VIRTIO_NET_F_RSS",
    "VIRTIO_NET_F_HASH_REPORT",
    "VIRTIO_NET_F_NOTF_COAL",
    "VIRTIO_NET_F_VQ_NOTF_COAL",
  ] as const
) {
  Deno.test(`${name} without CTRL_VQ is refused, before anything is accepted`, () => {
    const net = new ProbedNet({ features: NET_FEATURES | featureSet(name) });
    const error = assertThrows(() => net.netdev.probe(), NetdevError);
    assertEquals(error.code, "EIO");
    assertEquals(
      error.message,
      `model offers ${name} without VIRTIO_NET_F_CTRL_VQ, which can't be`,
    );
    assertEquals(net.netdev.state, NetdevState.UNPROBED);
    assertEquals(net.model.accepted, 0n);
    assertEquals(net.model.calls.at(-1), "status 131", "FAILED, before any feature");
    // With it, it's a device like any other.
    validateOffer("model", featureSet(name) | VIRTIO_NET_F_CTRL_VQ);
  });
}

/** A feature, and what it needs, one of these (virtio 1.2 §5.1.3.1). */
const NEEDS: readonly (readonly [FeatureName, ...FeatureName[]])[] = [
  ["VIRTIO_NET_F_CTRL_RX_EXTRA", "VIRTIO_NET_F_CTRL_RX"],
  ["VIRTIO_NET_F_GUEST_ANNOUNCE", "VIRTIO_NET_F_STATUS"],
  ["VIRTIO_NET_F_GUEST_TSO4", "VIRTIO_NET_F_GUEST_CSUM"],
  ["VIRTIO_NET_F_GUEST_ECN", "VIRTIO_NET_F_GUEST_TSO4", "VIRTIO_NET_F_GUEST_TSO6"],
  ["VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_CSUM"],
  ["VIRTIO_NET_F_HOST_ECN", "VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_HOST_TSO6"],
  ["VIRTIO_NET_F_RSC_EXT", "VIRTIO_NET_F_HOST_TSO4", "VIRTIO_NET_F_HOST_TSO6"],
];

const ALL = 2n ** 64n - 1n;

for (const [name, ...needs] of NEEDS) {
  Deno.test(`${name} is acceptable only with ${needs.join(" or ")}`, () => {
    assert(!hasFeature(acceptable(ALL & ~featureSet(...needs)), name));
    for (const need of needs) {
      assert(hasFeature(acceptable(ALL & ~featureSet(...needs) | featureSet(need)), name));
    }
  });
}

Deno.test("what needs a feature that needs another goes with that: ECN and TSO without checksums", () => {
  const left = featureNames(acceptable(ALL & ~featureSet("VIRTIO_NET_F_CSUM")));
  assertEquals(left.filter((name) => name.startsWith("HOST_")), []);
  assertEquals(left.includes("RSC_EXT"), false);
});

Deno.test("of a card without CTRL_RX or STATUS nothing is accepted that needs them", () => {
  const features = NET_FEATURES | CONTROL_FEATURES;
  const net = new ProbedNet({
    features: features & ~featureSet("VIRTIO_NET_F_CTRL_RX", "VIRTIO_NET_F_STATUS"),
  });
  net.netdev.probe();
  assertEquals(featureNames(net.driver.features), [
    "MAC",
    "CTRL_VQ",
    "CTRL_VLAN",
    "CTRL_MAC_ADDR",
    "VERSION_1",
  ]);
});
