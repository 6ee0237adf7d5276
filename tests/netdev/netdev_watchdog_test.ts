import { assertEquals } from "@std/assert";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver } from "./fake_driver.ts";

class WatchedDriver extends FakeDriver {
  readonly watchedAt: number[] = [];

  watchdog(now: number): number {
    this.watchedAt.push(now);
    return now + 2000;
  }
}

Deno.test("a running device is looked after, and says when again", () => {
  const driver = new WatchedDriver();
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(driver, "watched"));
  netdev.probe();
  assertEquals(netdev.watchdog(1), Infinity);
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  netdev.rxqConfigure(0, 0, { pool: netdev.poolCreate({ count: 8 }) });
  netdev.txqConfigure(0, 0);
  netdev.start();
  assertEquals(netdev.watchdog(5), 2005);
  netdev.stop();
  assertEquals(netdev.watchdog(6), Infinity);
  netdev.close();
  assertEquals(netdev.watchdog(7), Infinity);
  assertEquals(driver.watchedAt, [5]);
});

Deno.test("a device whose driver has no watchdog never asks for a call", () => {
  const netdev = new NetdevRegistry().drvRegister(fakeDevice(new FakeDriver(), "unwatched"));
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  netdev.rxqConfigure(0, 0, { pool: netdev.poolCreate({ count: 8 }) });
  netdev.txqConfigure(0, 0);
  netdev.start();
  assertEquals(netdev.watchdog(5), Infinity);
});
