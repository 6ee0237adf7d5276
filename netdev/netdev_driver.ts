import type { Netbuf } from "./netbuf.ts";
import type { NetbufPool, NetbufPoolOptions } from "./netbuf_pool.ts";
import { Netdev } from "./netdev.ts";
import { NetdevError } from "./netdev_error.ts";
import type {
  NetdevConf,
  NetdevInfo,
  NetdevQueueInfo,
  NetdevRxqConf,
  NetdevStats,
} from "./netdev_types.ts";

/**
 * What a driver implements: `struct uk_netdev_ops` with the burst forms in place of `rx_one` and
 * `tx_one`. {@link Netdev} has checked state, queue number and configuration before it calls one.
 * A control op that fails throws a {@link NetdevError}.
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

const MANDATORY_OPS: readonly (keyof NetdevOps)[] = [
  "infoGet",
  "rxqInfoGet",
  "txqInfoGet",
  "configure",
  "poolCreate",
  "rxqConfigure",
  "txqConfigure",
  "start",
  "close",
  "mtuGet",
  "promiscuousGet",
  "rxBurst",
  "rxqStatus",
  "txBurst",
  "txqReclaim",
  "statsGet",
];

/** The devices of this process, numbered as they were registered. */
export class NetdevRegistry {
  readonly #netdevs: Netdev[] = [];

  /** Devices registered so far. */
  count(): number {
    return this.#netdevs.length;
  }

  /** The device of this number. `NetdevError("ENODEV")` when there is none. */
  get(id: number): Netdev {
    const netdev = this.#netdevs[id];
    if (netdev === undefined) {
      throw new NetdevError("ENODEV", `no device ${id}: ${this.#netdevs.length} are registered`);
    }
    return netdev;
  }

  /**
   * `uk_netdev_drv_register`: takes a driver's device up under the next number, UNPROBED, or
   * UNCONFIGURED when the driver has nothing to probe. `NetdevError("EINVAL")` when a mandatory op
   * is missing, or only one of the two interrupt ops is there.
   */
  drvRegister(ops: NetdevOps, driverName: string): Netdev {
    for (const name of MANDATORY_OPS) {
      if (typeof ops[name] !== "function") {
        throw new NetdevError("EINVAL", `driver ${driverName} lacks the mandatory op ${name}`);
      }
    }
    if ((ops.rxqIntrEnable === undefined) !== (ops.rxqIntrDisable === undefined)) {
      throw new NetdevError(
        "EINVAL",
        `driver ${driverName} has one of rxqIntrEnable and rxqIntrDisable: both or neither`,
      );
    }
    const netdev = new Netdev(this.#netdevs.length, driverName, ops);
    this.#netdevs.push(netdev);
    return netdev;
  }
}
