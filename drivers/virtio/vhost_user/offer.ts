import { type FeatureSet, featureSet } from "../features.ts";
import { VirtioError } from "../virtio_error.ts";
import type { Connection } from "./connection.ts";
import {
  decodeU64,
  encodeU64,
  U64_BYTES,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_GET_QUEUE_NUM,
  VHOST_USER_PROTOCOL_F_MQ,
  VHOST_USER_PROTOCOL_F_REPLY_ACK,
  VHOST_USER_SET_OWNER,
  VHOST_USER_SET_PROTOCOL_FEATURES,
} from "./message.ts";

/** What is made use of, where it's offered. The device's status and configuration are our own. */
const WANTED_PROTOCOL = bit(VHOST_USER_PROTOCOL_F_MQ) | bit(VHOST_USER_PROTOCOL_F_REPLY_ACK);

/**
 * Features of a card that aren't the back-end's to offer: what is behind them, a configuration or a
 * control queue, is the front-end's part of the device (QEMU's net/vhost-user.c leaves them out too).
 */
const OF_THE_FRONT_END = featureSet(
  "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS",
  "VIRTIO_NET_F_MTU",
  "VIRTIO_NET_F_MAC",
  "VIRTIO_NET_F_STATUS",
  "VIRTIO_NET_F_CTRL_VQ",
  "VIRTIO_NET_F_CTRL_RX",
  "VIRTIO_NET_F_CTRL_VLAN",
  "VIRTIO_NET_F_CTRL_RX_EXTRA",
  "VIRTIO_NET_F_GUEST_ANNOUNCE",
  "VIRTIO_NET_F_MQ",
  "VIRTIO_NET_F_CTRL_MAC_ADDR",
  "VIRTIO_F_RING_RESET",
  "VIRTIO_NET_F_VQ_NOTF_COAL",
  "VIRTIO_NET_F_NOTF_COAL",
  "VIRTIO_NET_F_HASH_REPORT",
  "VIRTIO_NET_F_RSS",
  "VIRTIO_NET_F_STANDBY",
  "VIRTIO_NET_F_SPEED_DUPLEX",
);

/**
 * With this a back-end asks the front-end for each address, as an IOMMU would be asked: there's none,
 * and it's told where all memory is.
 */
const OF_THE_PLATFORM = featureSet("VIRTIO_F_ACCESS_PLATFORM");

/** Bit of vhost's own: the back-end logs what it writes, for a migration. */
const VHOST_F_LOG_ALL = 26;

/** More pairs than virtio has (§5.1.4.1) are a mistake. */
const MOST_PAIRS = 0x8000;

/** What a back-end is able to do. */
export interface Offer {
  /** All features, bit 30 among them. */
  readonly all: FeatureSet;
  /** Those that are for a driver to choose from. */
  readonly features: FeatureSet;
  /** The protocol features that were agreed on. */
  readonly protocolFeatures: bigint;
  readonly queuePairs: number;
}

/**
 * The beginning of each connection (vhost-user.rst, "Feature negotiation"): nothing in it needs the
 * driver, so it's done before a driver is asked. `without`: what is to be left out. Rejects with `VirtioError`; its message goes behind
 * the back-end's name.
 */
export async function readOffer(
  connection: Connection,
  without: FeatureSet = 0n,
): Promise<Offer> {
  connection.tell(VHOST_USER_SET_OWNER);
  const all = decodeU64(await connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES));
  const ofVhost = bit(VHOST_F_LOG_ALL) | bit(VHOST_USER_F_PROTOCOL_FEATURES);
  const features = all & ~(OF_THE_FRONT_END | OF_THE_PLATFORM | ofVhost | without);
  if ((all & bit(VHOST_USER_F_PROTOCOL_FEATURES)) === 0n) {
    return { all, features, protocolFeatures: 0n, queuePairs: 1 };
  }
  const offered = decodeU64(await connection.ask(VHOST_USER_GET_PROTOCOL_FEATURES, U64_BYTES));
  const protocolFeatures = offered & WANTED_PROTOCOL;
  connection.tell(VHOST_USER_SET_PROTOCOL_FEATURES, encodeU64(protocolFeatures));
  connection.acknowledged = (protocolFeatures & bit(VHOST_USER_PROTOCOL_F_REPLY_ACK)) !== 0n;
  const queuePairs = (protocolFeatures & bit(VHOST_USER_PROTOCOL_F_MQ)) === 0n
    ? 1
    : await readQueuePairs(connection);
  return { all, features, protocolFeatures, queuePairs };
}

/** For a network card a back-end counts in pairs, as DPDK's and QEMU's do. */
async function readQueuePairs(connection: Connection): Promise<number> {
  const pairs = decodeU64(await connection.ask(VHOST_USER_GET_QUEUE_NUM, U64_BYTES));
  if (pairs >= 1n && pairs <= BigInt(MOST_PAIRS)) return Number(pairs);
  throw new VirtioError(`has ${pairs} pairs of queues: 1 to ${MOST_PAIRS} can be`);
}

function bit(number: number): bigint {
  return 1n << BigInt(number);
}
