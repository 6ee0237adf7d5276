import { type NetbufPool, netbufStride } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import type { PollScheduler } from "../netdev/poll_scheduler.ts";
import { Host, type HostConfig, type HostObserver } from "../stack/mod.ts";
import { NetworkInterface } from "../stack/network_interface.ts";

/** Netbufs beyond what the rings can hold, for the stack to keep or to send on its own. */
export const SPARE_NETBUFS = 256;

/** A started device with a host on it. */
export interface RunningHost {
  readonly host: Host;
  readonly networkInterface: NetworkInterface;
  /** What the host began with, which a device that comes later has to fit. */
  readonly station: HostStation;
  /** All netbufs that device and host share. */
  readonly pool: NetbufPool;
  /** As asked for; 0 for what the device likes. */
  readonly ringSize: number;
}

/** Where and what the host is; its MAC address and MTU are the device's, unless it's to have another. */
export type HostPlace = Omit<HostConfig, "mac" | "mtu"> & { readonly mac?: Uint8Array | null };

/** What of a host its device has to fit. */
export type HostStation = Pick<HostConfig, "mac" | "mtu">;

/**
 * Configures a probed device with so many queues each way, of `ringSize` descriptors each or, with 0,
 * as many as it likes; starts it, and puts a host on it. `NetdevError` when it can't have so many of
 * either.
 */
export function runNetdev(
  netdev: Netdev,
  place: HostPlace,
  scheduler: PollScheduler,
  observer: HostObserver,
  queues = 1,
  ringSize = 0,
): RunningHost {
  const pool = configure(netdev, queues, ringSize);
  const networkInterface = new NetworkInterface(netdev, pool, scheduler, queues);
  setUpQueues(netdev, pool, networkInterface, ringSize);
  const mac = place.mac ?? netdev.hwaddrGet();
  giveHwaddr(netdev, mac);
  netdev.start();
  const station = { mac, mtu: netdev.mtuGet() };
  const config = { ...place, ...station };
  const host = new Host(config, networkInterface, observer);
  networkInterface.attach(host);
  return { host, networkInterface, station, pool, ringSize };
}

/**
 * Puts a host whose device was taken out, and that is suspended, on another probed device in the same
 * memory. It stays who it is: a device with another MAC address is given the host's, if it can be.
 * `NetdevError("EINVAL")` for a device with a smaller MTU or fewer queues than the host's.
 */
export function moveHost(running: RunningHost, netdev: Netdev): RunningHost {
  const { host, networkInterface, station, ringSize } = running;
  const pool = configure(netdev, networkInterface.queues.length, ringSize);
  if (netdev.mtuGet() < station.mtu) {
    throw new NetdevError("EINVAL", `its MTU is ${netdev.mtuGet()}, and the host's ${station.mtu}`);
  }
  giveHwaddr(netdev, station.mac);
  networkInterface.moveTo(netdev, pool);
  setUpQueues(netdev, pool, networkInterface, ringSize);
  netdev.start();
  networkInterface.resume();
  return { host, networkInterface, station, pool, ringSize };
}

/**
 * So many queues each way, and netbufs for all of their rings; the queues are the caller's to set up.
 */
function configure(netdev: Netdev, queues: number, ringSize: number): NetbufPool {
  const { maxRxQueues, maxTxQueues, minRxBufferBytes } = netdev.infoGet();
  const most = Math.min(maxRxQueues, maxTxQueues);
  if (queues > most) {
    const has = most === 1 ? "one queue" : `${most} queues`;
    throw new NetdevError("EINVAL", `${netdev.name} has ${has} each way: ${queues} can't be had`);
  }
  netdev.configure({ rxQueues: queues, txQueues: queues });
  let rings = 0;
  for (let queue = 0; queue < queues; queue++) {
    for (const { maxDescriptors } of [netdev.rxqInfoGet(queue), netdev.txqInfoGet(queue)]) {
      rings += ringSize === 0 ? maxDescriptors : Math.min(ringSize, maxDescriptors);
    }
  }
  const stride = netbufStride(minRxBufferBytes);
  try {
    return netdev.poolCreate({ count: rings + SPARE_NETBUFS, stride });
  } catch (cause) {
    if (!(cause instanceof NetdevError) || cause.code !== "ENOSPC" || queues === 1) throw cause;
    const bytes = `netbufs of ${stride} bytes for ${queues} queues each way`;
    throw new NetdevError(
      "ENOSPC",
      `${netdev.name} has no memory for ${bytes}: fewer queues, smaller rings or a smaller MTU need less`,
      { cause },
    );
  }
}

/**
 * Gives each queue of the interface the device's, which all take their netbufs from one pool. Has what a
 * device says of a ring's size name the flag that it was asked for with.
 */
function setUpQueues(
  netdev: Netdev,
  pool: NetbufPool,
  networkInterface: NetworkInterface,
  ringSize: number,
): void {
  const onEvent = (queueId: number): void => networkInterface.onEvent(queueId);
  try {
    for (const queue of networkInterface.queues.keys()) {
      netdev.rxqConfigure(queue, ringSize, { pool, onEvent });
      netdev.txqConfigure(queue, ringSize);
    }
  } catch (error) {
    const isRefused = error instanceof NetdevError && ["EINVAL", "ENOBUFS"].includes(error.code);
    if (!isRefused || ringSize === 0) throw error;
    throw new NetdevError(error.code, `--ring-size=${ringSize}: ${error.message}`);
  }
}

/** Gives it the host's address, if it has another. A device that keeps its own passes frames for the host on all the same, if it's promiscuous. */
function giveHwaddr(netdev: Netdev, mac: Uint8Array): void {
  if (netdev.hwaddrGet().every((byte, i) => byte === mac[i])) return;
  try {
    netdev.hwaddrSet(mac);
  } catch (error) {
    const isFixed = error instanceof NetdevError && error.code === "ENOTSUP";
    if (!isFixed || !netdev.promiscuousGet()) throw error;
  }
}
