import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { moveHost, runNetdev, type RunningHost } from "../../app/run_netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver, without } from "../netdev/fake_driver.ts";
import { LoopFixture } from "../netdev/loop_fixture.ts";
import {
  arpFrame,
  arpReplyFromHost,
  echoFrame,
  echoReplyFromHost,
  HOST_IP,
  HOST_MAC,
  ip,
  mac,
  padded,
} from "../stack/frames.ts";
import { QUIET } from "../stack/quiet_observer.ts";

const OTHER_MAC = mac("52:54:00:12:34:56");
const STATION = { mac: mac(HOST_MAC), mtu: 1500 };

function probed(ops: NetdevOps, maxMtu = 1500): Netdev {
  const device = fakeDevice(ops);
  device.mtu = device.maxMtu = maxMtu;
  const netdev = new NetdevRegistry().drvRegister(device);
  netdev.probe();
  return netdev;
}

function newDriver(): FakeDriver {
  const driver = new FakeDriver();
  driver.info = { ...driver.info, minRxBufferBytes: 14 };
  return driver;
}

/** A host that has answered one ARP request and one ping, and whose device is gone. */
function suspendedHost(): { driver: FakeDriver; running: RunningHost } {
  const driver = newDriver();
  const netdev = probed(driver);
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null };
  const running = runNetdev(netdev, place, new LoopFixture().scheduler, QUIET);
  driver.deliver(padded(arpFrame()));
  driver.deliver(padded(echoFrame()));
  assertEquals(running.networkInterface.queues[0].poll(64, 0), 2);
  assertEquals(driver.sent, [arpReplyFromHost(), echoReplyFromHost()]);
  running.networkInterface.suspend();
  netdev.close();
  return { driver, running };
}

Deno.test("a host that is moved to another device answers there, and has kept what it counted", () => {
  const { driver, running } = suspendedHost();
  const next = newDriver();
  const moved = moveHost(running, probed(next));
  next.deliver(padded(echoFrame()));
  assertEquals(moved.networkInterface.queues[0].poll(64, 0), 1);
  assertEquals(next.sent, [echoReplyFromHost()]);
  assertEquals(driver.sent.length, 2, "nothing over the device before");
  assertEquals(moved.host.counters().echoRequestsAnswered, 2);
  assertEquals(moved.networkInterface.alloc()?.region, next.pools[0].alloc()?.region);
});

Deno.test("a host has its device's MAC address, or one that it's given, and takes it along", () => {
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null };
  for (const given of [null, OTHER_MAC]) {
    const netdev = probed(newDriver());
    const before = runNetdev(
      netdev,
      { ...place, mac: given },
      new LoopFixture().scheduler,
      QUIET,
    );
    assertEquals(netdev.hwaddrGet(), given ?? mac(HOST_MAC));
    before.networkInterface.suspend();
    netdev.close();
    const next = newDriver();
    next.hwaddrSet(mac("52:54:00:00:00:01"));
    const nextNetdev = probed(next);
    moveHost(before, nextNetdev);
    assertEquals(nextNetdev.hwaddrGet(), given ?? mac(HOST_MAC));
  }
});

Deno.test("a device with another MAC address is given the host's", () => {
  const { running } = suspendedHost();
  const next = newDriver();
  next.hwaddrSet(OTHER_MAC);
  const netdev = probed(next);
  moveHost(running, netdev);
  assertEquals(netdev.hwaddrGet(), STATION.mac);
});

Deno.test("a device that keeps another MAC address will do if it is promiscuous", () => {
  const { running } = suspendedHost();
  const next = newDriver();
  next.hwaddrSet(OTHER_MAC);
  const deaf = probed(without(next, "hwaddrSet"));
  const { code } = assertThrows(() => moveHost(running, deaf), NetdevError);
  assertEquals(code, "ENOTSUP");
  next.promiscuousSet(true);
  const netdev = probed(without(next, "hwaddrSet"));
  moveHost(running, netdev);
  assertEquals(netdev.hwaddrGet(), OTHER_MAC);
});

Deno.test("a device with a smaller MTU than the host's is refused", () => {
  const { running } = suspendedHost();
  const { code, message } = assertThrows(
    () => moveHost(running, probed(newDriver(), 1400)),
    NetdevError,
  );
  assertEquals([code, message], ["EINVAL", "its MTU is 1400, and the host's 1500"]);
});

Deno.test("rings of a size that is asked for take netbufs for no more, and none for what can't be", () => {
  const poolSize = (ringSize: number): number => {
    const scheduler = new LoopFixture().scheduler;
    const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null };
    return runNetdev(probed(newDriver()), place, scheduler, QUIET, 2, ringSize).pool.size;
  };
  assertEquals([64, 256].map(poolSize), [4 * 64 + 256, 4 * 256 + 256]);
  const { message } = assertThrows(() => poolSize(32768), NetdevError);
  assertMatch(message, /^--ring-size=32768: /);
});

Deno.test("a host has so many queues, or an error says how many the device has", () => {
  const driver = newDriver();
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null };
  const { networkInterface, pool } = runNetdev(
    probed(driver),
    place,
    new LoopFixture().scheduler,
    QUIET,
    2,
  );
  assertEquals(networkInterface.queues.length, 2);
  assertEquals(pool.size, 4 * 256 + 256, "netbufs for all rings, and to spare");
  driver.deliver(padded(echoFrame()), 1);
  assertEquals(networkInterface.queues.map((queue) => queue.poll(64, 0)), [0, 1]);
  assertEquals(driver.sent, [echoReplyFromHost()]);
  const { code, message } = assertThrows(
    () => runNetdev(probed(newDriver()), place, new LoopFixture().scheduler, QUIET, 3),
    NetdevError,
  );
  assertEquals([code, message], ["EINVAL", "net0 has 2 queues each way: 3 can't be had"]);
});
