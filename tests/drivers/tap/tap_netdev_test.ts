import { assert, assertEquals, assertThrows } from "@std/assert";
import { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { TapInterface } from "../../../drivers/tap/tap_interface.ts";
import { TapNetdev } from "../../../drivers/tap/tap_netdev.ts";
import { monotonicClock } from "../../../netdev/clock.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetworkNamespace, tapTest } from "../../linux/network_namespace.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { assertSleeps } from "../ffi/assert_sleeps.ts";
import { frame, NAME, TapLink } from "./tap_link.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

tapTest("an interface that is absent is made, set up, and gone with the device", async () => {
  using link = await TapLink.open({ interfaceMtu: 1400 });
  const shown = await link.namespace.ip("link", "show", NAME);
  assert(/<[^>]*\bUP\b[^>]*> mtu 1400 /.test(shown), shown);
  assert(!shown.includes("02:00:00:00:00:01"), "Linux's side has a MAC address of its own");
  assertEquals([link.netdev.mtuGet(), link.netdev.linkGet()], [1400, true]);
  link.netdev.close();
  assertEquals((await link.namespace.exec("ip", "link", "show", NAME)).code, 1);
});

tapTest("an interface that is there is attached to as it is, and stays", async () => {
  using namespace = new NetworkNamespace();
  await namespace.ip("tuntap", "add", "dev", NAME, "mode", "tap");
  await namespace.ip("link", "set", NAME, "mtu", "1300");
  using waiter = new FdWaiter(monotonicClock);
  const tap = namespace.run(() => new TapInterface(NAME, 1500));
  assertEquals([tap.created, tap.mtu, tap.running], [false, 1300, false]);
  const netdev = new TapNetdev({ tap, waiter, mac: MAC, mtu: 1500 });
  assertEquals(netdev.device.maxMtu, 1300, "Linux sends no longer packets");
  await namespace.ip("link", "set", NAME, "up");
  await tap.carrierNoticed();
  assertEquals(netdev.linkGet(), true);
  netdev.close();
  assertEquals((await namespace.exec("ip", "link", "show", NAME)).code, 0);
});

tapTest("an interface in use, and one that is no TAP, are refused", async () => {
  using link = await TapLink.open();
  const busy = assertThrows(
    () => link.namespace.run(() => new TapInterface(NAME, 1500)),
    NetdevError,
    "in use by another process",
  );
  assertEquals(busy.code, "EBUSY");
  await link.namespace.ip("tuntap", "add", "dev", "tun0", "mode", "tun");
  for (const name of ["lo", "tun0"]) {
    const { code } = assertThrows(
      () => link.namespace.run(() => new TapInterface(name, 1500)),
      NetdevError,
      `interface ${name} is no TAP interface`,
    );
    assertEquals(code, "EINVAL");
  }
});

tapTest("a bad MAC address or MTU is refused", () => {
  using namespace = new NetworkNamespace();
  using waiter = new FdWaiter(monotonicClock);
  using tap = namespace.run(() => new TapInterface(NAME, 1500));
  const bad = [{ mac: Uint8Array.of(1, 0, 0, 0, 0, 1) }, { mac: MAC.slice(1) }, { mtu: 67 }];
  for (const options of bad) {
    assertThrows(() => new TapNetdev({ tap, waiter, mac: MAC, ...options }), NetdevError);
  }
  const failed = assertThrows(
    () => namespace.run(() => new TapInterface("tap1", 100_000)),
    NetdevError,
    "MTU of 100000",
  );
  assertEquals(failed.code, "EINVAL");
});

tapTest(
  "a pool of another device, a second pool and a queue without a pool are refused",
  async () => {
    using link = await TapLink.open();
    using other = await TapLink.open();
    assertThrows(() => link.ops.poolCreate({ count: 1 }), NetdevError, "one pool");
    assertThrows(() => link.ops.rxqConfigure(0, 0, { pool: other.pool }), NetdevError, "not this");
    using waiter = new FdWaiter(monotonicClock);
    using tap = link.namespace.run(() => new TapInterface("tap1", 1500));
    const bare = new TapNetdev({ tap, waiter, mac: MAC });
    assertThrows(() => bare.txqConfigure(0, 0), NetdevError, "needs its pool");
  },
);

tapTest("a stopped device lets frames wait, and goes on with them when started again", async () => {
  const events: number[] = [];
  using link = await TapLink.open({ onEvent: (queueId) => events.push(queueId) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.stop();
  link.peer.send(frame(60, 1));
  await assertSleeps(link.waiter);
  assertEquals(events, []);
  link.netdev.start();
  assertEquals(link.burst(), [[...frame(60, 1)]]);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.peer.send(frame(60, 2));
  link.waiter.poll();
  assertEquals(events, [0]);
  assertEquals(link.netdev.statsGet().rxPackets, 1, "counters stay");
});

tapTest("a device that is reset can be set up again, with another pool", async () => {
  using link = await TapLink.open();
  link.netdev.stop();
  link.netdev.reset();
  const pool = configureOnePair(link.netdev, 4);
  link.netdev.start();
  link.peer.send(frame(60, 1));
  assertEquals(link.burst(), [[...frame(60, 1)]]);
  assertEquals(pool.available, 4);
});

tapTest("a device whose interface was deleted does not start again", async () => {
  using link = await TapLink.open();
  await link.namespace.ip("link", "del", NAME);
  assertEquals(link.burst(), []);
  link.netdev.stop();
  assertThrows(() => link.netdev.start(), NetdevError, "was deleted");
});
