import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";

/**
 * Configures a device that was probed with one queue each way, of so many descriptors or the driver's
 * default, and a pool of `netbufs`. To be started.
 */
export function configureOnePair(netdev: Netdev, netbufs: number, descriptors = 0): NetbufPool {
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: netbufs });
  netdev.rxqConfigure(0, descriptors, { pool });
  netdev.txqConfigure(0, descriptors);
  return pool;
}
