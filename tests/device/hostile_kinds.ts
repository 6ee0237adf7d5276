import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { SeededRandom } from "../stack/seeded_random.ts";
import { HostileCard } from "./hostile_card.ts";
import type { IovaRegion } from "./iova_region.ts";
import { VIRTIO_NET_F_MQ, VIRTIO_NET_F_RSS } from "./multiqueue_net_model.ts";
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
} from "./ring_device.ts";
import {
  CONTROL_FEATURES,
  NET_FEATURES,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
} from "./virtio_net_model.ts";

const PAIRS = 4;

/** Bytes of memory for each pair of queues. */
const MEMORY_BYTES = 256 << 10;

/** With it, what only legacy devices offer, a header and a frame may share a descriptor (§2.7.4.3). */
const VIRTIO_F_ANY_LAYOUT = 1n << 27n;

/** What one card in two has. */
const MAYBE = [
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_GUEST_CSUM,
];

/** The same, of cards with a control queue. */
const MAYBE_WITH_CONTROL = [
  CONTROL_FEATURES,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_RSS,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
];

/** Features that a legacy device has registers for (virtio 1.2 §4.1.4.10). */
const LEGACY_FEATURES = (1n << 32n) - 1n;

/** A card with rings of a format, and else of any kind that there is where it's `legacy` or not. */
export function anyHostileCard(
  random: SeededRandom,
  ring: RingFormat,
  legacy: boolean,
  watch?: (region: IovaRegion) => DmaRegion,
): HostileCard {
  const pairs = random.below(3) === 0 ? PAIRS : 1;
  let features = NET_FEATURES;
  for (const feature of MAYBE) {
    if (random.below(2) === 0) features |= feature;
  }
  const hasControl = pairs > 1 || random.below(2) === 0;
  if (hasControl) features |= VIRTIO_NET_F_CTRL_VQ;
  if (pairs > 1) features |= VIRTIO_NET_F_MQ;
  for (const feature of MAYBE_WITH_CONTROL) {
    if (hasControl && random.below(2) === 0) features |= feature;
  }
  if (random.below(4) === 0) features |= VIRTIO_F_IN_ORDER;
  if (ring === "packed") features |= VIRTIO_F_RING_PACKED;
  if (legacy) features = features & LEGACY_FEATURES | VIRTIO_F_ANY_LAYOUT;
  const most = pairs > 1 ? 3 : 5;
  const size = (): number =>
    ring === "packed" ? 2 + random.below(8 * most) : 2 << random.below(most);
  const queueSizes = Array.from({ length: 2 * pairs }, size);
  return new HostileCard({
    pairs,
    features,
    queueSizes: hasControl ? [...queueSizes, 16] : queueSizes,
    memoryBytes: MEMORY_BYTES * pairs,
    ...watch === undefined ? {} : { watch },
  });
}
