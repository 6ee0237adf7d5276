import { assert, assertEquals } from "@std/assert";
import { DeviceRecovery } from "../../app/device_recovery.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { InterfaceFixture } from "../netdev/interface_fixture.ts";
import { arpFrame, echoFrame, echoReplyFromHost, ip, padded, PEER_IP } from "../stack/frames.ts";

const ECHO = padded(echoFrame());

/** A device in memory that fails when it's told to, with a host on it. */
class RecoveryFixture extends InterfaceFixture {
  readonly events: string[] = [];
  readonly recovery: DeviceRecovery;

  constructor() {
    super();
    this.recovery = new DeviceRecovery(this.netdev, this.networkInterface, {
      onReset: (reason) => this.events.push(`reset: ${reason}`),
      onGiveUp: (reason) => this.events.push(reason),
    });
    this.driver.calls.length = 0;
  }

  /** Stops and starts of the driver so far. */
  get restarts(): string[] {
    return this.driver.calls.filter((call) => call === "stop" || call === "start");
  }

  /** An echo comes in, and its reply goes out. */
  echo(now: number): void {
    const sent = this.driver.sent.length;
    this.driver.deliver(ECHO);
    assertEquals(this.networkInterface.queues[0].poll(64, now), 1);
    assertEquals(this.driver.sent.slice(sent), [echoReplyFromHost()]);
  }

  /** Ticks at each deadline until there's none; the times of the ticks. */
  tickOn(now: number): number[] {
    const times: number[] = [];
    for (let at = now; at !== Infinity; at = this.recovery.tick(at)) times.push(at);
    return times;
  }
}

Deno.test("a device that works is left alone", () => {
  const fixture = new RecoveryFixture();
  assertEquals(fixture.recovery.tick(0), Infinity);
  assertEquals(fixture.restarts, []);
});

Deno.test("a failure does nothing until the next turn, and then one stop and one start", () => {
  const fixture = new RecoveryFixture();
  fixture.recovery.fail("it broke");
  fixture.recovery.fail("it broke again");
  assertEquals(fixture.restarts, []);
  assertEquals(fixture.recovery.tick(5), Infinity);
  assertEquals(fixture.restarts, ["stop", "start"]);
  assertEquals(fixture.events, ["reset: it broke"]);
  assertEquals([fixture.recovery.resets, fixture.recovery.tick(6)], [1, Infinity]);
  fixture.echo(7);
  fixture.assertPoolWhole();
});

Deno.test("the host keeps what it knows over a reset: a peer is not asked for its address again", () => {
  const fixture = new RecoveryFixture();
  fixture.driver.deliver(padded(arpFrame()));
  fixture.networkInterface.queues[0].poll(64, 0);
  fixture.recovery.fail("it broke");
  fixture.recovery.tick(1);
  const sent = fixture.driver.sent.length;
  fixture.host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, 2);
  assertEquals(fixture.driver.sent.length, sent + 1);
  const { arpRequestsSent, echoRequestsSent } = fixture.host.counters();
  assertEquals([arpRequestsSent, echoRequestsSent], [0, 1]);
});

Deno.test("a device that fails again soon waits longer each time, up to a second", () => {
  const fixture = new RecoveryFixture();
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 10; i++) {
    fixture.echo(now);
    fixture.recovery.fail(`failure ${i}`);
    const times = fixture.tickOn(now);
    const last = times[times.length - 1];
    waits.push(last - now);
    now = last + 1;
  }
  assertEquals(waits, [0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  assertEquals(fixture.recovery.resets, 10, "it's not given up: packets come in between");
  fixture.echo(now);
  fixture.recovery.fail("much later");
  assertEquals(fixture.tickOn(now + 5000), [now + 5000]);
});

Deno.test("while it waits the device is stopped, nothing is polled, and what is sent is dropped", () => {
  const fixture = new RecoveryFixture();
  fixture.recovery.fail("once");
  fixture.recovery.tick(0);
  fixture.recovery.fail("twice");
  assertEquals(fixture.recovery.tick(1), 11);
  assertEquals(fixture.netdev.state, NetdevState.CONFIGURED);
  fixture.networkInterface.onEvent(0);
  assert(fixture.scheduler.idle, "a late interrupt schedules nothing");
  fixture.host.announce(3);
  fixture.networkInterface.tick(4);
  assertEquals(fixture.networkInterface.drops.tx_suspended, 1);
  assertEquals(fixture.pool.available, fixture.pool.size);
  assertEquals(fixture.recovery.tick(11), Infinity);
  assertEquals(fixture.scheduler.idle, false);
  fixture.echo(12);
});

Deno.test("eight resets in a row without a packet, and it's given up with one line", () => {
  const fixture = new RecoveryFixture();
  let now = 0;
  for (let i = 0; i < 20; i++) {
    fixture.recovery.fail("it broke");
    now = Math.max(...fixture.tickOn(now)) + 1;
  }
  assertEquals(fixture.events.length, 9);
  assertEquals(
    fixture.events[8],
    "net0 is given up: it broke; 8 resets in a row brought no packet",
  );
  assertEquals(fixture.restarts.filter((call) => call === "start").length, 8);
});

Deno.test("a failure long after the last one is not in a row with it", () => {
  const fixture = new RecoveryFixture();
  for (let i = 0; i < 30; i++) {
    fixture.recovery.fail("once an hour");
    assertEquals(fixture.recovery.tick(3_600_000 * i), Infinity);
  }
  assertEquals(fixture.recovery.resets, 30);
});

Deno.test("a start that fails is tried again, and given up with its own reason", () => {
  const fixture = new RecoveryFixture();
  fixture.driver.failing = "start";
  fixture.recovery.fail("it broke");
  const times = fixture.tickOn(0);
  assertEquals(times, [0, 10, 30, 70, 150, 310, 630, 1270, 2270]);
  assertEquals(fixture.events, [
    "net0 is given up: the device failed in start; 8 resets in a row brought no packet",
  ]);
});

Deno.test("a start that fails and then does not brings the device back", () => {
  const fixture = new RecoveryFixture();
  fixture.driver.failing = "start";
  fixture.recovery.fail("it broke");
  assertEquals(fixture.recovery.tick(0), 10);
  fixture.driver.failing = null;
  assertEquals(fixture.recovery.tick(10), Infinity);
  assertEquals(fixture.events, ["reset: the device failed in start"]);
  fixture.echo(11);
});

Deno.test("a device that fails to stop is started all the same", () => {
  const fixture = new RecoveryFixture();
  fixture.driver.failing = "stop";
  fixture.recovery.fail("it broke");
  assertEquals(fixture.recovery.tick(0), Infinity);
  assertEquals(fixture.netdev.state, NetdevState.RUNNING);
  fixture.echo(1);
});

Deno.test("a device that is gone is given up at once", () => {
  const fixture = new RecoveryFixture();
  fixture.driver.start = () => {
    throw new NetdevError("ENODEV", "pci 00:02.0 is gone");
  };
  fixture.recovery.fail("it broke");
  assertEquals(fixture.tickOn(0), [0]);
  assertEquals(fixture.events, ["net0 is given up: pci 00:02.0 is gone"]);
});
