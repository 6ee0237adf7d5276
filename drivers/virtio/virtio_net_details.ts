import type { NetdevDetails } from "../../netdev/netdev_details.ts";
import { featureNames, type FeatureSet } from "./features.ts";
import type { VirtioNetSpeed } from "./virtio_net_config.ts";
import type { VirtioTransport, VirtioVector } from "./virtio_transport.ts";

/** The rest of what there is to tell of a network card. */
export interface VirtioNetFacts {
  readonly offered: FeatureSet;
  readonly negotiated: FeatureSet;
  /** Null where it can't tell. */
  readonly speed: VirtioNetSpeed | null;
  /** Transmit queues that were reset because they stood still. */
  readonly transmitResets: number;
  /** Descriptors of the queues that are set up. */
  readonly rxRings: readonly number[];
  readonly txRings: readonly number[];
}

/** A network card, for people to read. */
export function virtioNetDetails(transport: VirtioTransport, facts: VirtioNetFacts): NetdevDetails {
  const { offered, negotiated, speed, transmitResets, rxRings, txRings } = facts;
  return {
    bus: transport.name,
    facts: [
      ["transport", transport.kind],
      ["interrupts", transport.interruptMode],
      ...(transport.facts ?? []),
      ...(speed === null ? [] : speedFacts(speed)),
      ...(transmitResets === 0 ? [] : [["transmit queue resets", `${transmitResets}`] as const]),
    ],
    rxRings,
    txRings,
    features: { offered: featureNames(offered), negotiated: featureNames(negotiated) },
    vectors: transport.vectors.map((vector) => ({ name: vector.name, use: use(vector) })),
  };
}

/** What an interrupt tells of. */
function use({ config, queues }: VirtioVector): string {
  return [...config ? ["configuration changes"] : [], ...queues.map(queueName)].join(", ");
}

function speedFacts({ speed, duplex }: VirtioNetSpeed): (readonly [string, string])[] {
  return [
    ["speed", speed === null ? "unknown" : `${speed} Mbit/s`],
    ["duplex", duplex ?? "unknown"],
  ];
}

/** Queues come in pairs, receiving first (virtio 1.2 §5.1.2). Transmit interrupts are never asked for. */
function queueName(queue: number): string {
  const pair = queue >>> 1;
  return queue % 2 === 0
    ? `receive queue ${pair}`
    : `transmit queue ${pair} (masked: it is polled)`;
}
