import { NetdevError } from "../../netdev/netdev_error.ts";
import type { ControlQueue } from "./control_queue.ts";
import { type FeatureSet, featureSet, hasFeature } from "./features.ts";
import type { RssLimits } from "./virtio_net_config.ts";

/*
 * Pairs of queues, and how a card spreads what it receives over them (virtio 1.2 §5.1.6.5.5 to
 * §5.1.6.5.7). Without RSS it does so by itself, and as a rule such that a conversation is received
 * where its packets were sent from (§5.1.6.5.5.1).
 */

/** Pairs that are made use of, of however many there are. */
export const MOST_PAIRS = 16;

/** Features that are commands of the control queue: they can't be had without it (§5.1.3.1). */
export const PAIR_FEATURES: FeatureSet = featureSet(
  "VIRTIO_NET_F_MQ",
  "VIRTIO_NET_F_RSS",
  "VIRTIO_NET_F_HASH_REPORT",
);

/** §5.1.6.5.5. */
const VIRTIO_NET_CTRL_MQ = 4;
const VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;
const VIRTIO_NET_CTRL_MQ_RSS_CONFIG = 1;
const VIRTIO_NET_CTRL_MQ_HASH_CONFIG = 2;

/**
 * What is hashed (§5.1.6.4.3.1): the two addresses of an IPv4 packet, whatever it carries. With ports
 * in the hash, the fragments of a datagram, and what ICMP says of it, would come by other queues.
 */
const VIRTIO_NET_HASH_TYPE_IPV4 = 1 << 0;

/** The device takes a key of 40 bytes at least, and a table of 128 entries (§5.1.4.1). */
const KEY_BYTES = 40;
const TABLE_ENTRIES = 128;

/** How hashes are made, and what queue is for which of them. */
export interface Steering {
  /** For the Toeplitz hash, of 40 bytes. */
  readonly key: Uint8Array;
  /** Receive queues, by the low bits of the hash: a power of two of them; none without RSS. */
  readonly table: readonly number[];
  /** What is hashed: bits of §5.1.6.4.3.1. */
  readonly hashTypes: number;
}

/** Whether queues are set up in pairs that the device counts; else it has one pair (§5.1.2). */
export function hasPairs(features: FeatureSet): boolean {
  return hasFeature(features, "VIRTIO_NET_F_MQ") || hasFeature(features, "VIRTIO_NET_F_RSS");
}

/**
 * A steering for so many queues, each with an equal share, and with a key that nobody can guess: who
 * knows it can send all to one queue. `NetdevError("EIO")` for limits that no device may have.
 */
export function makeSteering(
  location: string,
  features: FeatureSet,
  limits: RssLimits,
  pairs: number,
): Steering {
  const { maxKeyBytes, maxTable, hashTypes } = limits;
  // Without RSS there's no table, whatever a device says of it.
  const entries = hasFeature(features, "VIRTIO_NET_F_RSS") ? TABLE_ENTRIES : 0;
  if (maxKeyBytes < KEY_BYTES || maxTable < entries) {
    throw new NetdevError(
      "EIO",
      `${location} takes a hash key of ${maxKeyBytes} bytes and a table of ${maxTable}: ` +
        `${KEY_BYTES} and ${entries} are the least`,
    );
  }
  return {
    key: crypto.getRandomValues(new Uint8Array(KEY_BYTES)),
    table: Array.from({ length: entries }, (_, entry) => entry % pairs),
    hashTypes: hashTypes & VIRTIO_NET_HASH_TYPE_IPV4,
  };
}

/**
 * Tells a card that is live and was reset before to use so many pairs, and how to spread packets over
 * them. Throws as `ControlQueue.command` does. `steering`: null without RSS and HASH_REPORT.
 */
export function setPairs(
  control: ControlQueue,
  pairs: number,
  steering: Steering | null,
): void {
  if (steering !== null && steering.table.length > 0) {
    const { key, table, hashTypes } = steering;
    // struct virtio_net_rss_config: what isn't hashed goes to queue 0, and all transmit queues are used.
    const words = [table.length - 1, 0, ...table, pairs].flatMap(le16);
    const data = [...le32(hashTypes), ...words, key.length, ...key];
    control.command(
      VIRTIO_NET_CTRL_MQ,
      VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
      Uint8Array.from(data),
    );
    return;
  }
  // After a reset it's one (§5.1.6.5.5).
  if (pairs > 1) {
    const data = Uint8Array.from(le16(pairs));
    control.command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, data);
  }
  if (steering === null) return;
  // struct virtio_net_hash_config, with 4 reserved words.
  const { key, hashTypes } = steering;
  const data = [...le32(hashTypes), ...new Array<number>(8).fill(0), key.length, ...key];
  control.command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, Uint8Array.from(data));
}

function le16(value: number): number[] {
  return [value & 0xff, value >>> 8 & 0xff];
}

function le32(value: number): number[] {
  return [...le16(value), ...le16(value >>> 16)];
}
