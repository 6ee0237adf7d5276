import type { NetdevEinfoType } from "./einfo.ts";
import type { Netbuf } from "./netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "./netbuf_pool.ts";
import type { NetdevDetails } from "./netdev_details.ts";
import type { NetdevCounters } from "./netdev_stats.ts";
import type {
  NetdevConf,
  NetdevDriverInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
} from "./netdev_types.ts";

/**
 * What a driver implements: `struct uk_netdev_ops` with the burst forms in place of `rx_one` and
 * `tx_one`. `Netdev` has checked state, queue number and configuration before it calls one.
 * A control op that fails throws a `NetdevError`.
 */
export interface NetdevOps {
  /** Finds out what the device is able to do. A driver without it starts out as probed. */
  probe?(): void;
  /** What the device is able to do, beyond what stands in its `NetDevice`. */
  infoGet(): NetdevDriverInfo;
  /** The descriptors that a receive queue may have. */
  rxqInfoGet(queueId: number): NetdevQueueInfo;
  /** The descriptors that a transmit queue may have. */
  txqInfoGet(queueId: number): NetdevQueueInfo;
  /** Settles the number of queues. */
  configure(conf: NetdevConf): void;
  /** Makes a pool in memory that the device reaches. */
  poolCreate(options: NetbufPoolOptions): NetbufPool;
  /** Sets up a receive queue of `descriptors` (0: as many as the driver likes). */
  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void;
  /** Sets up a transmit queue, likewise. */
  txqConfigure(queueId: number, descriptors: number): void;
  /**
   * Lets packets flow, with interrupts off: for the first time, or again after `stop`, when a device
   * that lost its state is set up anew as it was. `ENODEV` when it is gone.
   */
  start(): void;
  /**
   * Quiets the device, turns interrupts off, and takes every buffer back into its pool. Queues and
   * counters stay. A device that is gone is let go of without an error.
   */
  stop(): void;
  /** Forgets queues and pools of a stopped device and gives their memory back (`NetbufPool.retire`). */
  unconfigure(): void;
  /** `stop` and `unconfigure`, and lets go of the device; nothing is called afterwards. */
  close(): void;
  /** The 6 bytes of the MAC address, owned by the driver. */
  hwaddrGet?(): Uint8Array;
  /** Gives the device another MAC address: 6 bytes, to be copied. */
  hwaddrSet?(address: Uint8Array): void;
  /**
   * Tells the device of another MTU, within the limits of its `NetDevice`, where it's set afterwards.
   * A driver without it has an MTU that can't be changed.
   */
  mtuSet?(mtu: number): void;
  /** Whether frames for other hosts are received. */
  promiscuousGet(): boolean;
  /** Turns that on or off. */
  promiscuousSet?(on: boolean): void;
  /** Whether the device sees a carrier. A driver without it has no way to tell. */
  linkGet?(): boolean;
  /**
   * What the device was given by who made it, such as a hypervisor; null for nothing of this type. A
   * command line overrides it. A driver without it was given nothing.
   */
  einfoGet?(type: NetdevEinfoType): string | null;
  /** Arms the interrupt of a queue; false when it is left off because packets already wait. */
  rxqIntrEnable?(queueId: number): boolean;
  /** Masks the interrupt of a queue. */
  rxqIntrDisable?(queueId: number): void;
  /** Fills `netbufs[0…]` with up to `count` received packets and says how many. Refills the ring. */
  rxBurst(queueId: number, netbufs: Netbuf[], count: number): number;
  /** MORE and UNDERRUN as the last rxBurst of the queue left them. */
  rxqStatus(queueId: number): number;
  /** Takes up to `count` packets from `netbufs[from…]`, says how many, and notifies the device once. */
  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number;
  /** Takes back what the device has sent, and says how many one-piece packets txBurst takes now. */
  txqReclaim(queueId: number): number;
  /**
   * Looks after what no interrupt tells of: a link that is polled, a transmitter that is stuck, a
   * timeout. Called while RUNNING, between two rounds of polls; `now`: whole milliseconds. Returns
   * when it wants to be called again, or Infinity. A driver without it needs none.
   */
  watchdog?(now: number): number;
  /** The counters of its queues, to be read at once; the totals are made by `Netdev`. */
  statsGet(): NetdevCounters;
  /** Where the device sits, its features and interrupts. A driver without it has no such things. */
  detailsGet?(): NetdevDetails;
}
