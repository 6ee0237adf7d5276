import { type NetbufPool, netbufStride } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { PollScheduler } from "../netdev/poll_scheduler.ts";
import { Host, type HostConfig, type HostObserver } from "../stack/mod.ts";
import { NetworkInterface } from "../stack/network_interface.ts";

/** Netbufs beyond what the rings can hold, for the stack to keep or to send on its own. */
const SPARE_NETBUFS = 256;

/** A started device with a host on it. */
export interface RunningHost {
  readonly host: Host;
  readonly networkInterface: NetworkInterface;
  /** All netbufs that device and host share. */
  readonly pool: NetbufPool;
}

/** Where and what the host is; its MAC address and MTU are the device's. */
export type HostPlace = Omit<HostConfig, "mac" | "mtu">;

/** Configures a probed device with one queue each way, starts it, and puts a host on it. */
export function runNetdev(
  netdev: Netdev,
  place: HostPlace,
  scheduler: PollScheduler,
  observer: HostObserver,
): RunningHost {
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const rings = netdev.rxqInfoGet(0).maxDescriptors + netdev.txqInfoGet(0).maxDescriptors;
  const stride = netbufStride(netdev.infoGet().minRxBufferBytes);
  const pool = netdev.poolCreate({ count: rings + SPARE_NETBUFS, stride });
  const networkInterface = new NetworkInterface(netdev, pool, scheduler);
  netdev.rxqConfigure(0, 0, { pool, onEvent: () => networkInterface.onEvent() });
  netdev.txqConfigure(0, 0);
  netdev.start();
  const config = { ...place, mac: netdev.hwaddrGet(), mtu: netdev.mtuGet() };
  const host = new Host(config, networkInterface, observer);
  networkInterface.attach(host);
  return { host, networkInterface, pool };
}
