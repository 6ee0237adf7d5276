import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver, without } from "./fake_driver.ts";

/** The states of a device, in the order in which it comes to them. */
export const STATES = ["UNPROBED", "UNCONFIGURED", "CONFIGURED", "RUNNING", "INVALID"] as const;
/** One of them. */
export type StateName = typeof STATES[number];

/** A registered device, the driver under it, and a pool of another driver's. */
export interface MadeNetdev {
  netdev: Netdev;
  driver: FakeDriver;
  pool: NetbufPool;
}

/** A device whose driver lacks the `absent` ops, taken as far as `state`; RUNNING has both queues. */
export function netdevIn(state: StateName, ...absent: (keyof NetdevOps)[]): MadeNetdev {
  const driver = new FakeDriver();
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(without(driver, ...absent)));
  const pool = new FakeDriver().poolCreate({ count: 8 });
  const made = { netdev, driver, pool };
  if (state === "UNPROBED") return made;
  netdev.probe();
  if (state === "UNCONFIGURED") return made;
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  if (state === "CONFIGURED") return made;
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
  if (state === "INVALID") netdev.close();
  return made;
}
