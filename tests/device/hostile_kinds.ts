import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import type { SeededRandom } from "../stack/seeded_random.ts";
import { HostileCard } from "./hostile_card.ts";
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
} from "./ring_device.ts";
import { NET_FEATURES, VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_MTU } from "./virtio_net_model.ts";

const MEMORY_BYTES = 256 << 10;

/** What one card in two has. */
const MAYBE = [
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
];

/** A card with rings of a format, and else of any kind. */
export function anyHostileCard(random: SeededRandom, ring: RingFormat): HostileCard {
  let features = NET_FEATURES;
  for (const feature of MAYBE) {
    if (random.below(2) === 0) features |= feature;
  }
  if (random.below(4) === 0) features |= VIRTIO_F_IN_ORDER;
  if (ring === "packed") features |= VIRTIO_F_RING_PACKED;
  const size = (): number => ring === "packed" ? 2 + random.below(40) : 2 << random.below(5);
  return new HostileCard({ features, queueSizes: [size(), size()], memoryBytes: MEMORY_BYTES });
}
