import { assertEquals } from "@std/assert";
import {
  type FeatureName,
  featureNames,
  featureSet,
  hasFeature,
} from "../../../drivers/virtio/features.ts";

Deno.test("feature bits have the numbers of the specification (virtio 1.2 §5.1.3, §6)", () => {
  const numbers: [FeatureName, bigint][] = [
    ["VIRTIO_NET_F_CSUM", 0n],
    ["VIRTIO_NET_F_MTU", 3n],
    ["VIRTIO_NET_F_MAC", 5n],
    ["VIRTIO_NET_F_MRG_RXBUF", 15n],
    ["VIRTIO_NET_F_STATUS", 16n],
    ["VIRTIO_NET_F_CTRL_VQ", 17n],
    ["VIRTIO_NET_F_MQ", 22n],
    ["VIRTIO_F_INDIRECT_DESC", 28n],
    ["VIRTIO_F_EVENT_IDX", 29n],
    ["VIRTIO_F_VERSION_1", 32n],
    ["VIRTIO_F_RING_PACKED", 34n],
    ["VIRTIO_F_IN_ORDER", 35n],
    ["VIRTIO_F_RING_RESET", 40n],
    ["VIRTIO_NET_F_SPEED_DUPLEX", 63n],
  ];
  for (const [name, bit] of numbers) assertEquals(featureSet(name), 1n << bit, name);
});

Deno.test("a set has the features it was made of, and no others", () => {
  const set = featureSet("VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MAC", "VIRTIO_NET_F_MAC");
  assertEquals(set, 1n << 32n | 1n << 5n);
  assertEquals(hasFeature(set, "VIRTIO_NET_F_MAC"), true);
  assertEquals(hasFeature(set, "VIRTIO_F_VERSION_1"), true);
  assertEquals(hasFeature(set, "VIRTIO_NET_F_MTU"), false);
  assertEquals(featureSet(), 0n);
});

Deno.test("names come without prefix, in order of bits, and unknown bits by number", () => {
  const set = featureSet("VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MAC") | 1n << 50n | 1n << 63n;
  assertEquals(featureNames(set), ["MAC", "VERSION_1", "bit 50", "SPEED_DUPLEX"]);
  assertEquals(featureNames(0n), []);
});
