import type { Netbuf } from "./netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "./netbuf_pool.ts";
import type {
  NetdevConf,
  NetdevInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
  NetdevStats,
} from "./netdev_types.ts";

/**
 * What a driver implements: `struct uk_netdev_ops` with the burst forms in place of `rx_one` and
 * `tx_one`. `Netdev` has checked state, queue number and configuration before it calls one.
 * A control op that fails throws a `NetdevError`.
 */
export interface NetdevOps {
  /** Finds out what the device is able to do. A driver without it starts out as probed. */
  probe?(): void;
  infoGet(): NetdevInfo;
  rxqInfoGet(queueId: number): NetdevQueueInfo;
  txqInfoGet(queueId: number): NetdevQueueInfo;
  configure(conf: NetdevConf): void;
  /** Makes a pool in memory that the device reaches. */
  poolCreate(options: NetbufPoolOptions): NetbufPool;
  /** Sets up a queue of `descriptors` (0: as many as the driver likes). */
  rxqConfigure(queueId: number, descriptors: number, conf: NetdevRxqConf): void;
  txqConfigure(queueId: number, descriptors: number): void;
  /** Lets packets flow, with interrupts off. */
  start(): void;
  /** Quiets the device and takes every buffer back; nothing is called afterwards. */
  close(): void;
  /** The 6 bytes of the MAC address, owned by the driver. */
  hwaddrGet?(): Uint8Array;
  hwaddrSet?(address: Uint8Array): void;
  mtuGet(): number;
  mtuSet?(mtu: number): void;
  promiscuousGet(): boolean;
  promiscuousSet?(on: boolean): void;
  /** Whether the device sees a carrier. A driver without it has no way to tell. */
  linkGet?(): boolean;
  /** Arms the interrupt of a queue; false when it is left off because packets already wait. */
  rxqIntrEnable?(queueId: number): boolean;
  rxqIntrDisable?(queueId: number): void;
  /** Fills `netbufs[0…]` with up to `count` received packets and says how many. Refills the ring. */
  rxBurst(queueId: number, netbufs: Netbuf[], count: number): number;
  /** MORE and UNDERRUN as the last rxBurst of the queue left them. */
  rxqStatus(queueId: number): number;
  /** Takes up to `count` packets from `netbufs[from…]`, says how many, and notifies the device once. */
  txBurst(queueId: number, netbufs: Netbuf[], from: number, count: number): number;
  /** Takes back what the device has sent, and says how many one-piece packets txBurst takes now. */
  txqReclaim(queueId: number): number;
  statsGet(): NetdevStats;
}
