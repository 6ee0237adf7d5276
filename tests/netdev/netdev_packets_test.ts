import { assert, assertEquals, fail } from "@std/assert";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import {
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
} from "../../netdev/netdev_types.ts";
import { netdevIn } from "./netdev_in_state.ts";

const FRAME = Uint8Array.from({ length: 60 }, (_, i) => i);

function take(pool: NetbufPool): Netbuf {
  return pool.alloc() ?? fail("the pool is dry");
}

Deno.test("the status bits are uk_netdev's", () => {
  assertEquals([NETDEV_STATUS_SUCCESS, NETDEV_STATUS_MORE, NETDEV_STATUS_UNDERRUN], [1, 2, 4]);
});

Deno.test("rxBurst hands over what waits, up to the count", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  for (let i = 0; i < 3; i++) driver.deliver(FRAME);
  const netbufs: Netbuf[] = [];
  assertEquals(netdev.rxBurst(0, netbufs, 2), 2);
  assertEquals(netdev.rxBurst(0, netbufs, 2), 1);
  assertEquals(netdev.rxBurst(0, netbufs, 2), 0);
  assertEquals(pool.available, pool.size - 3, "the caller owns what it received");
});

Deno.test("txBurst begins where it is told to, and leaves the rest to the caller", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  driver.txSlots = 2;
  driver.holdsTx = true;
  const netbufs = Array.from({ length: 5 }, () => take(pool));
  netbufs.forEach((netbuf, i) => netbuf.length = 60 + i);
  assertEquals(netdev.txBurst(0, netbufs, 1, 4), 2);
  assertEquals(netdev.txqReclaim(0), 0);
  driver.completeTx(2);
  assertEquals(driver.sent.map(({ length }) => length), [61, 62]);
  assertEquals(netdev.txqReclaim(0), 2);
  assertEquals(pool.available, pool.size - 3);
});

Deno.test("rxOne of an empty queue reports nothing", () => {
  const { netdev } = netdevIn("RUNNING");
  assertEquals(netdev.rxOne(0, []), 0);
});

Deno.test("rxOne reports SUCCESS, and MORE as long as packets wait", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.deliver(FRAME);
  driver.deliver(FRAME.slice(0, 42));
  const netbufs: Netbuf[] = [];
  assertEquals(netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_MORE);
  assertEquals(netbufs[0].length, 60);
  assertEquals(netdev.rxOne(0, netbufs), NETDEV_STATUS_SUCCESS);
  assertEquals(netbufs[0].length, 42);
  assertEquals(driver.rxBursts.map(({ asked }) => asked), [1, 1]);
});

Deno.test("rxOne with a dry pool reports UNDERRUN, and no MORE without SUCCESS", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  const taken = Array.from({ length: pool.size }, () => take(pool));
  driver.deliver(FRAME);
  assertEquals(netdev.rxOne(0, []), NETDEV_STATUS_UNDERRUN);
  taken[0].free();
  assertEquals(netdev.rxOne(0, []), NETDEV_STATUS_SUCCESS);
});

Deno.test("rxOne reports a packet and the underrun behind it together", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.deliver(FRAME);
  driver.rxqStatus = () => NETDEV_STATUS_UNDERRUN;
  assertEquals(netdev.rxOne(0, []), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_UNDERRUN);
});

Deno.test("txOne reports SUCCESS, and MORE as long as there is room", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  driver.txSlots = 2;
  driver.holdsTx = true;
  assertEquals(netdev.txOne(0, [take(pool)]), NETDEV_STATUS_SUCCESS | NETDEV_STATUS_MORE);
  assertEquals(netdev.txOne(0, [take(pool)]), NETDEV_STATUS_SUCCESS);
});

Deno.test("a packet for which txOne has no room stays the caller's", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  driver.txSlots = 1;
  driver.holdsTx = true;
  netdev.txOne(0, [take(pool)]);
  const refused = take(pool);
  assertEquals(netdev.txOne(0, [refused]), 0);
  assertEquals(refused.references, 1);
  refused.free();
  assert(pool.alloc() === refused);
});

Deno.test("rxqIntrEnable returns 0 when the queue is armed, and 1 when packets wait", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.deliver(FRAME);
  assertEquals(netdev.rxqIntrEnable(0), 1);
  netdev.rxBurst(0, [], 1);
  assertEquals(netdev.rxqIntrEnable(0), 0);
});

Deno.test("an armed queue interrupts once, a disarmed one never", () => {
  const events: number[] = [];
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  netdev.rxqConfigure(0, 0, { pool, onEvent: (queueId) => events.push(queueId) });
  netdev.txqConfigure(0, 0);
  netdev.start();
  driver.deliver(FRAME);
  assertEquals(events, [], "interrupts are off on start");
  netdev.rxBurst(0, [], 1);
  netdev.rxqIntrEnable(0);
  driver.deliver(FRAME);
  driver.deliver(FRAME);
  assertEquals(events, [0]);
  netdev.rxBurst(0, [], 2);
  netdev.rxqIntrEnable(0);
  netdev.rxqIntrDisable(0);
  driver.deliver(FRAME);
  assertEquals(events, [0]);
});

Deno.test("close gives what the device had back to the pool", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  driver.holdsTx = true;
  netdev.txOne(0, [take(pool)]);
  assertEquals(pool.available, pool.size - 1);
  netdev.close();
  assertEquals(pool.available, pool.size);
});
