import type { NetbufPool } from "./netbuf_pool.ts";

/** The life of a device, as `enum uk_netdev_state` numbers it. */
export const NetdevState = {
  /** Not registered, or closed. */
  INVALID: 0,
  /** Registered; nothing is known of the hardware yet. */
  UNPROBED: 1,
  /** Probed: the driver can tell what the device is able to do. */
  UNCONFIGURED: 2,
  /** The number of queues is settled; queues are being set up. */
  CONFIGURED: 3,
  /** Packets flow. */
  RUNNING: 4,
} as const;

/** One of the values of {@link NetdevState}. */
export type NetdevState = typeof NetdevState[keyof typeof NetdevState];

/** rxOne/txOne: a packet was received, or taken for sending. */
export const NETDEV_STATUS_SUCCESS = 0x1;
/** rxOne: more packets wait; txOne: there is room for more. Only together with SUCCESS. */
export const NETDEV_STATUS_MORE = 0x2;
/** rxOne: the pool was short, so the RX ring could not be refilled whole. */
export const NETDEV_STATUS_UNDERRUN = 0x4;

/**
 * Feature of a device: it completes the checksum of a packet that is sent with a netbuf flagged
 * `NETBUF_F_PARTIAL_CSUM` (uk_netdev's UK_NETDEV_F_PARTIAL_CSUM). Without it there must be none such:
 * who sends has to have completed it.
 */
export const NETDEV_F_PARTIAL_CSUM = 0x4;
/**
 * Feature of a device: packets that it receives may come with flags, `NETBUF_F_PARTIAL_CSUM` or
 * `NETBUF_F_DATA_VALID`. (uk_netdev has none for this.)
 */
export const NETDEV_F_RX_CSUM = 0x10000;

/** What a driver tells of a device, beyond what stands in its `NetDevice`. */
export interface NetdevDriverInfo {
  /** Bytes in front of the Ethernet header that the driver needs free in a netbuf to send it. */
  readonly encapTx: number;
  /** Bytes in front of the Ethernet header that the driver uses in a netbuf it receives into. */
  readonly encapRx: number;
  /**
   * Bytes, from the Ethernet header on, that a netbuf to receive into has to have room for: a whole
   * frame, or less where the device spreads a frame over several.
   */
  readonly minRxBufferBytes: number;
  /** Receive queues can raise interrupts; without, the caller polls. */
  readonly rxqInterrupts: boolean;
  /** What it's able to do besides, `NETDEV_F_…`; default none. */
  readonly features?: number;
}

/** What a device is able to do, and what it is to its link layer. */
export interface NetdevInfo extends NetdevDriverInfo {
  /** Hardware type, `ARPHRD_…`. */
  readonly type: number;
  /** Bytes of the link layer's header. */
  readonly hardHeaderLength: number;
  /** The address of all stations; a copy. */
  readonly broadcast: Uint8Array;
  /** What it's able to send, `IFF_…`. */
  readonly flags: number;
  /** Packets that may wait for the device without room, for who queues any. */
  readonly txQueueLength: number;
  /** Receive queues it has. */
  readonly maxRxQueues: number;
  /** Transmit queues it has. */
  readonly maxTxQueues: number;
  /** Least that the MTU may be set to, in bytes of an IP packet. */
  readonly minMtu: number;
  /** Largest IP packet that the device carries, in bytes. */
  readonly maxMtu: number;
}

/** The descriptors that one queue may have. */
export interface NetdevQueueInfo {
  /** Fewest descriptors. */
  readonly minDescriptors: number;
  /** Most descriptors. */
  readonly maxDescriptors: number;
  /** Whether only powers of two will do. */
  readonly powerOfTwo: boolean;
}

/** How many queues to use. */
export interface NetdevConf {
  /** Receive queues to use. */
  readonly rxQueues: number;
  /** Transmit queues to use. */
  readonly txQueues: number;
}

/** How to set up a receive queue. */
export interface NetdevRxqConf {
  /** Where the driver takes netbufs from to receive into; made by `poolCreate`. */
  readonly pool: NetbufPool;
  /** Called on an interrupt of the queue, on the event loop. */
  readonly onEvent?: (queueId: number) => void;
}
