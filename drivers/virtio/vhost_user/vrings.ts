import type { Eventfd } from "../../ffi/eventfd.ts";
import { type FeatureSet, featureSet, hasFeature } from "../features.ts";
import { VirtioError } from "../virtio_error.ts";
import type { VirtqueueAddresses } from "../virtio_transport.ts";
import type { Connection } from "./connection.ts";
import {
  decodeVringState,
  encodeMemoryTable,
  encodeU64,
  encodeVringAddr,
  encodeVringState,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_GET_VRING_BASE,
  VHOST_USER_SET_FEATURES,
  VHOST_USER_SET_MEM_TABLE,
  VHOST_USER_SET_VRING_ADDR,
  VHOST_USER_SET_VRING_BASE,
  VHOST_USER_SET_VRING_CALL,
  VHOST_USER_SET_VRING_ENABLE,
  VHOST_USER_SET_VRING_KICK,
  VHOST_USER_SET_VRING_NUM,
  VHOST_USER_VRING_NOFD_MASK,
  VRING_STATE_BYTES,
} from "./message.ts";
import type { Offer } from "./offer.ts";
import { type SharedMemory, USER_ADDRESS } from "./shared_memory.ts";

const PROTOCOL_FEATURES = 1n << BigInt(VHOST_USER_F_PROTOCOL_FEATURES);

/** Where a new ring begins: a split one at index 0; a packed one there too, and both of its wrap counters at 1. */
const SPLIT_BASE = 0;
const PACKED_BASE = 0x8000_8000;

/** A queue as a back-end is to see it. */
export interface Vring {
  readonly index: number;
  readonly addresses: VirtqueueAddresses;
  /** Our doorbell. */
  readonly kick: Eventfd;
  /** Its interrupt; null where none is wanted. */
  readonly call: Eventfd | null;
}

/**
 * Has a back-end use these queues, which are new, with these features. All of it is sent, and what
 * comes back is for {@link Connection.settle}. In the order of DPDK's virtio_user, which every
 * back-end knows: DPDK's own makes a queue at its SET_VRING_CALL, and counts them at SET_FEATURES.
 */
export function startVrings(
  connection: Connection,
  offer: Offer,
  features: FeatureSet,
  memory: SharedMemory,
  vrings: readonly Vring[],
): void {
  for (const { index, call } of vrings) {
    const value = call === null ? index | VHOST_USER_VRING_NOFD_MASK : index;
    connection.tell(VHOST_USER_SET_VRING_CALL, encodeU64(BigInt(value)), call?.fd);
  }
  const all = features | pairsFeature(offer, vrings) | offer.all & PROTOCOL_FEATURES;
  connection.tell(VHOST_USER_SET_FEATURES, encodeU64(all));
  connection.tell(VHOST_USER_SET_MEM_TABLE, encodeMemoryTable(memory.table), memory.fd);
  const base = hasFeature(features, "VIRTIO_F_RING_PACKED") ? PACKED_BASE : SPLIT_BASE;
  for (const { index, addresses, kick } of vrings) {
    connection.tell(VHOST_USER_SET_VRING_NUM, encodeVringState({ index, num: addresses.size }));
    connection.tell(VHOST_USER_SET_VRING_BASE, encodeVringState({ index, num: base }));
    connection.tell(
      VHOST_USER_SET_VRING_ADDR,
      encodeVringAddr({
        index,
        flags: 0,
        descriptorArea: USER_ADDRESS + addresses.descriptorArea,
        driverArea: USER_ADDRESS + addresses.driverArea,
        deviceArea: USER_ADDRESS + addresses.deviceArea,
      }),
    );
    connection.tell(VHOST_USER_SET_VRING_KICK, encodeU64(BigInt(index)), kick.fd);
  }
  enable(connection, offer, vrings, 1);
  // "Ring states": one that starts at a kick, as the specification once had it, gets one.
  for (const { kick } of vrings) kick.signal();
}

/**
 * Has a back-end leave these queues alone: it does once it has answered, for which
 * {@link Connection.settle} waits.
 */
export function stopVrings(
  connection: Connection,
  offer: Offer,
  vrings: readonly Vring[],
): void {
  enable(connection, offer, vrings, 0);
  for (const { index } of vrings) {
    const state = encodeVringState({ index, num: 0 });
    connection.request(VHOST_USER_GET_VRING_BASE, VRING_STATE_BYTES, state, (reply) => {
      const { index: answered } = decodeVringState(reply);
      if (answered === index) return;
      throw new VirtioError(`answered GET_VRING_BASE for ring ${answered}, not ${index}`);
    });
  }
}

/** Without protocol features rings are always enabled. */
function enable(
  connection: Connection,
  offer: Offer,
  vrings: readonly Vring[],
  num: 0 | 1,
): void {
  if ((offer.all & PROTOCOL_FEATURES) === 0n) return;
  for (const { index } of vrings) {
    connection.tell(VHOST_USER_SET_VRING_ENABLE, encodeVringState({ index, num }));
  }
}

/** DPDK's back-end drops all pairs but the first, unless this is accepted. */
function pairsFeature(offer: Offer, vrings: readonly Vring[]): FeatureSet {
  return vrings.length > 2 ? offer.all & featureSet("VIRTIO_NET_F_MQ") : 0n;
}
