import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import { featureNames, type FeatureSet } from "./features.ts";
import type { VirtioTransport } from "./virtio_transport.ts";

/** The rest of what there is to tell of a network card. */
export interface VirtioNetFacts {
  readonly offered: FeatureSet;
  readonly negotiated: FeatureSet;
  /** Descriptors of the queues that are set up. */
  readonly rxRings: readonly number[];
  readonly txRings: readonly number[];
}

/** A network card, for people to read. */
export function virtioNetDetails(transport: VirtioTransport, facts: VirtioNetFacts): NetdevDetails {
  const { offered, negotiated, rxRings, txRings } = facts;
  return {
    bus: transport.name,
    rxRings,
    txRings,
    features: { offered: featureNames(offered), negotiated: featureNames(negotiated) },
    vectors: transport.vectors.map(({ name, queue }) => ({ name, use: use(queue) })),
  };
}

/** Queues come in pairs, receiving first (virtio 1.2 §5.1.2). Transmit interrupts are never asked for. */
function use(queue: number | null): string {
  if (queue === null) return "configuration changes";
  const pair = queue >>> 1;
  return queue % 2 === 0
    ? `receive queue ${pair}`
    : `transmit queue ${pair} (masked: it is polled)`;
}
