import { assert, assertEquals, fail } from "@std/assert";
import { InterfaceFixture } from "../netdev/interface_fixture.ts";
import {
  arpFrame,
  arpReplyFromHost,
  echoFrame,
  echoReplyFromHost,
  HOST_IP,
  HOST_MAC,
  ip,
  padded,
  PEER_IP,
} from "./frames.ts";
import { SeededRandom } from "./seeded_random.ts";

const OTHER_MAC = "02:75:0a:00:02:99";

const ECHO = padded(echoFrame());
const ECHO_REPLY = echoReplyFromHost();
const JUMBO = echoFrame({}, { payload: new Uint8Array(8972).fill(7) });
const JUMBO_REPLY = echoReplyFromHost({}, { payload: new Uint8Array(8972).fill(7) });
/** The host has no use for this one. */
const FOREIGN = padded(echoFrame({ destination: OTHER_MAC }));
/** The peer answers the host's ARP request. */
const ARP_REPLY = padded(arpFrame({
  destination: HOST_MAC,
  operation: 2,
  tha: HOST_MAC,
  tpa: HOST_IP,
}));

function deliver(fixture: InterfaceFixture, count: number, frame = ECHO): void {
  for (let i = 0; i < count; i++) fixture.driver.deliver(frame);
}

Deno.test("a burst that is received goes out as one burst of replies, in order", () => {
  const fixture = new InterfaceFixture();
  const { driver, networkInterface } = fixture;
  driver.deliver(padded(arpFrame()));
  deliver(fixture, 3);
  assertEquals(networkInterface.queues[0].poll(64, 0), 4);
  assertEquals(driver.txBursts, [4]);
  assertEquals(driver.sent, [arpReplyFromHost(), ECHO_REPLY, ECHO_REPLY, ECHO_REPLY]);
  fixture.assertPoolWhole();
});

Deno.test("what the host drops is freed, and no burst goes out for nothing", () => {
  const fixture = new InterfaceFixture();
  deliver(fixture, 5, FOREIGN);
  assertEquals(fixture.networkInterface.queues[0].poll(64, 0), 5);
  assertEquals(fixture.driver.txBursts, []);
  fixture.assertPoolWhole();
});

Deno.test("dropped frames leave no gaps among the replies", () => {
  const fixture = new InterfaceFixture();
  for (const frame of [FOREIGN, ECHO, FOREIGN, FOREIGN, ECHO]) fixture.driver.deliver(frame);
  fixture.networkInterface.queues[0].poll(64, 0);
  assertEquals(fixture.driver.txBursts, [2]);
  assertEquals(fixture.driver.sent, [ECHO_REPLY, ECHO_REPLY]);
  fixture.assertPoolWhole();
});

Deno.test("what the host keeps is neither sent nor freed a second time", () => {
  const fixture = new InterfaceFixture();
  const { driver, host, networkInterface } = fixture;
  host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, 0);
  assertEquals(driver.txBursts, [1], "the ARP request goes out at once");
  fixture.assertPoolWhole(1);
  driver.deliver(ARP_REPLY);
  networkInterface.queues[0].poll(64, 0);
  assertEquals(driver.txBursts, [1, 1]);
  assertEquals(driver.sent.length, 2);
  fixture.assertPoolWhole();
});

Deno.test("what the host adds of its own goes out with the replies", () => {
  const fixture = new InterfaceFixture();
  const { driver, host, networkInterface } = fixture;
  host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, 0);
  for (const frame of [ECHO, ARP_REPLY, ECHO]) driver.deliver(frame);
  networkInterface.queues[0].poll(64, 0);
  assertEquals(driver.txBursts, [1, 3]);
  assertEquals(driver.sent.length, 4);
  fixture.assertPoolWhole();
});

Deno.test("more of the host's own frames than fit into a burst all go out", () => {
  const fixture = new InterfaceFixture();
  const { driver, networkInterface } = fixture;
  fixture.onFirstEcho = () => {
    for (let i = 0; i < 200; i++) {
      const netbuf = networkInterface.alloc() ?? fail("the pool is dry");
      netbuf.length = 60;
      networkInterface.send(netbuf);
    }
  };
  driver.deliver(ECHO);
  networkInterface.queues[0].poll(64, 0);
  assertEquals(driver.sent.length, 201);
  assertEquals(networkInterface.drops.tx_ring_full, 0);
  fixture.assertPoolWhole();
});

Deno.test("it never receives more than it is told to", () => {
  const fixture = new InterfaceFixture();
  deliver(fixture, 200);
  assertEquals(fixture.networkInterface.queues[0].poll(10, 0), 10);
  assertEquals(fixture.networkInterface.queues[0].poll(64, 0), 64);
  assertEquals(fixture.networkInterface.queues[0].poll(1000, 0), 64);
  assertEquals(fixture.driver.rxBursts.map(({ asked }) => asked), [10, 64, 64]);
});

Deno.test("it never receives more than there is room to answer", () => {
  const fixture = new InterfaceFixture({ txSlots: 8 });
  const { driver, networkInterface } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 20);
  assertEquals([networkInterface.queues[0].poll(64, 0), networkInterface.queues[0].poll(64, 0)], [
    8,
    0,
  ]);
  driver.completeTx(3);
  assertEquals([networkInterface.queues[0].poll(64, 0), networkInterface.queues[0].poll(64, 0)], [
    3,
    0,
  ]);
  assertEquals(driver.rxBursts.map(({ asked }) => asked), [8, 0, 3, 0]);
  assertEquals(networkInterface.drops.tx_ring_full, 0);
  fixture.assertPoolWhole(8);
});

Deno.test("an own frame that finds no room is freed and counted", () => {
  const fixture = new InterfaceFixture({ txSlots: 2 });
  const { driver, host, networkInterface } = fixture;
  driver.holdsTx = true;
  for (let i = 0; i < 5; i++) host.announce(0);
  assertEquals(networkInterface.drops.tx_ring_full, 3);
  fixture.assertPoolWhole(2);
  driver.completeTx(2);
  networkInterface.queues[0].poll(64, 0);
  assertEquals(driver.sent.length, 2);
  fixture.assertPoolWhole();
});

Deno.test("a reply that an own frame took the room of is freed and counted", () => {
  const fixture = new InterfaceFixture({ txSlots: 1 });
  const { driver, host, networkInterface } = fixture;
  driver.holdsTx = true;
  host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, 0);
  driver.completeTx(1);
  // Besides asking for the host's address it tells the peer's, which our request waits for.
  driver.deliver(padded(arpFrame()));
  assertEquals(networkInterface.queues[0].poll(64, 0), 1);
  assertEquals(driver.txBursts, [1, 2]);
  assertEquals(networkInterface.drops.tx_ring_full, 1);
  fixture.assertPoolWhole(1);
});

Deno.test("attaching a host schedules the first poll; without one nothing is received", () => {
  const fixture = new InterfaceFixture({ attached: false });
  const { driver, scheduler, networkInterface } = fixture;
  deliver(fixture, 1);
  assertEquals(networkInterface.queues[0].poll(64, 0), 0);
  assertEquals([driver.rxBursts.length, scheduler.idle], [0, true]);
  fixture.attach();
  assertEquals(scheduler.round(0), 1);
  assertEquals(driver.sent, [ECHO_REPLY]);
});

Deno.test("it is armed only when nothing waits", () => {
  const fixture = new InterfaceFixture();
  const { scheduler, waiter, networkInterface } = fixture;
  deliver(fixture, 1);
  assertEquals(scheduler.arm(), false);
  assertEquals(scheduler.round(0), 1);
  assertEquals(scheduler.arm(), true);
  deliver(fixture, 2);
  waiter.poll();
  assertEquals(scheduler.idle, false, "the first frame has interrupted");
  assertEquals(scheduler.round(0), 2);
  assertEquals(networkInterface.queues[0].napiCounters, {
    schedules: 2,
    polls: 2,
    packets: 3,
    completes: 1,
    missedInterrupts: 0,
    squeezes: 0,
  });
});

Deno.test("a device without interrupts is looked at each millisecond, and not more often", async () => {
  for (const deferral of [0, Infinity]) {
    const fixture = new InterfaceFixture({ interrupts: false, deferral });
    const { driver, loop, waiter, clock, scheduler } = fixture;
    waiter.whileAsleep = () => {
      if (loop.sleeps === 10) deliver(fixture, 3);
      if (loop.sleeps === 20) loop.stop();
    };
    await loop.run();
    assertEquals(driver.sent, [ECHO_REPLY, ECHO_REPLY, ECHO_REPLY]);
    assertEquals(waiter.deadlines, Array.from({ length: 20 }, (_, i) => i + 1));
    assertEquals(driver.rxBursts.filter(({ received }) => received > 0).length, 1);
    assert(clock.time < 21, `${clock.time} ms`);
    assert(scheduler.polls < 30, `${scheduler.polls} polls`);
    fixture.assertPoolWhole();
  }
});

Deno.test("in silence it is looked at each ten milliseconds, until a packet has come", async () => {
  const fixture = new InterfaceFixture({ interrupts: false });
  const { driver, loop, waiter, clock } = fixture;
  let delivered = Infinity;
  waiter.whileAsleep = () => {
    if (clock.time > 5000 && driver.sent.length === 0) {
      deliver(fixture, 1);
      delivered = clock.time;
    }
    if (clock.time > 5500) loop.stop();
  };
  await loop.run();
  const steps = (from: number, to: number): number[] => {
    const times = waiter.deadlines.filter((time) => time > from && time < to);
    return [...new Set(times.slice(1).map((time, i) => time - times[i]))];
  };
  assertEquals(steps(0, 2000), [1]);
  assertEquals(steps(2010, 5000), [10]);
  assertEquals(driver.sent, [ECHO_REPLY]);
  assertEquals(steps(delivered + 20, Infinity), [1]);
  fixture.assertPoolWhole();
});

Deno.test("what the host sends in silence has its answer looked for at once", async () => {
  const fixture = new InterfaceFixture({ interrupts: false });
  const { host, loop, waiter } = fixture;
  const sendAt = 3005;
  let sent = false;
  // Told the time behind the interface, which has said by then how long it can wait.
  loop.addTicker({
    tick(now: number): number {
      if (now >= sendAt && !sent) {
        sent = true;
        host.announce(now);
      }
      if (now >= sendAt + 4) loop.stop();
      return sent ? Infinity : sendAt;
    },
  });
  await loop.run();
  const place = waiter.deadlines.indexOf(sendAt);
  assertEquals(waiter.deadlines.slice(place + 1), [3006, 3007, 3008, 3009]);
  assertEquals(waiter.deadlines[place - 1] - waiter.deadlines[place - 2], 10);
});

Deno.test("in silence, too, a full ring is asked each millisecond whether it has room", async () => {
  const fixture = new InterfaceFixture({ interrupts: false, txSlots: 4 });
  const { driver, loop, waiter, clock } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 10);
  waiter.whileAsleep = () => {
    if (clock.time > 3000) loop.stop();
  };
  await loop.run();
  assertEquals(waiter.deadlines, waiter.deadlines.map((_, i) => 1 + i));
});

Deno.test("without interrupts a full ring is polled in a row, and a stall is seen to as well", async () => {
  const fixture = new InterfaceFixture({ interrupts: false, txSlots: 100 });
  const { driver, loop, waiter, clock } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 150);
  waiter.whileAsleep = () => {
    if (loop.sleeps === 1) assertEquals(driver.waiting(), 50, "all that there was room for");
    if (loop.sleeps === 5) driver.completeTx(100);
    if (loop.sleeps === 8) loop.stop();
  };
  await loop.run();
  driver.completeTx(100);
  assertEquals([driver.waiting(), driver.sent.length], [0, 150]);
  assert(clock.time < 9, `${clock.time} ms`);
  fixture.assertPoolWhole();
});

Deno.test("a device without interrupts is left to sleep, also on a clock that goes on in steps of 4 ms", () => {
  const { networkInterface, scheduler } = new InterfaceFixture({ interrupts: false });
  for (const now of [10, 20, 30]) {
    assertEquals([networkInterface.tick(now), scheduler.idle], [now + 1, false]);
    scheduler.round(now);
    assertEquals(networkInterface.tick(now + 4), now + 5);
    assertEquals(scheduler.arm(), true, "polled on, it would never sleep again");
  }
});

Deno.test("a suspended device without interrupts is left alone", () => {
  const { networkInterface, scheduler } = new InterfaceFixture({ interrupts: false });
  assertEquals(networkInterface.tick(10), 11);
  networkInterface.suspend();
  assertEquals([networkInterface.tick(20), scheduler.idle], [Infinity, true]);
  networkInterface.resume();
  assertEquals([networkInterface.tick(30), scheduler.idle], [31, false]);
});

Deno.test("a device that lost its interrupts in a restart is looked at by time, and left to sleep", () => {
  const { driver, networkInterface, scheduler } = new InterfaceFixture();
  networkInterface.suspend();
  driver.info = { ...driver.info, rxqInterrupts: false };
  driver.rxqIntrEnable = () => false;
  networkInterface.resume();
  assertEquals(networkInterface.tick(10), 11);
  scheduler.round(10);
  assertEquals(scheduler.arm(), true, "polled on, it would never sleep again");
});

Deno.test("its deadline is the host's", () => {
  const { host, networkInterface, driver } = new InterfaceFixture();
  assertEquals(networkInterface.tick(0), Infinity);
  host.announce(100);
  assertEquals(networkInterface.tick(100), 2100);
  assertEquals(networkInterface.tick(2100), Infinity);
  assertEquals(driver.sent.length, 2);
});

Deno.test("while the device has no room it sleeps, and sees each millisecond whether it has", async () => {
  const fixture = new InterfaceFixture({ txSlots: 4 });
  const { driver, loop, waiter, clock } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 10);
  waiter.whileAsleep = () => {
    if (clock.time < 50) return;
    assertEquals([driver.waiting(), driver.sent.length], [6, 0]);
    loop.stop();
  };
  await loop.run();
  assertEquals(waiter.deadlines, Array.from({ length: 51 }, (_, i) => i + 1));
  assert(driver.rxBursts.length < 10, `polled ${driver.rxBursts.length} times`);
  assertEquals(driver.calls.includes("rxqIntrEnable 0"), false, "it could answer no interrupt");
});

Deno.test("a stall ends when the device takes packets back", async () => {
  const fixture = new InterfaceFixture({ txSlots: 4 });
  const { driver, loop, waiter, clock, networkInterface } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 10);
  waiter.whileAsleep = () => {
    if (clock.time >= 100 || driver.waiting() === 0) loop.stop();
    else if (loop.sleeps % 5 === 0) driver.completeTx(4);
  };
  await loop.run();
  assertEquals([driver.waiting(), driver.sent.length], [0, 8]);
  driver.completeTx(2);
  assertEquals(networkInterface.drops.tx_ring_full, 0);
  fixture.assertPoolWhole();
});

Deno.test("after a stall the next frame interrupts again", async () => {
  const fixture = new InterfaceFixture({ txSlots: 4 });
  const { driver, loop, waiter } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 4);
  waiter.whileAsleep = () => {
    if (loop.sleeps === 5) driver.completeTx(4);
    if (loop.sleeps === 6) {
      driver.holdsTx = false;
      deliver(fixture, 1);
    }
    if (loop.sleeps === 7) loop.stop();
  };
  await loop.run();
  assertEquals(driver.sent.length, 5);
  assertEquals(waiter.deadlines.slice(-2), [Infinity, Infinity], "no timer is left of the stall");
});

Deno.test("a whole pool is left after any sequence of frames, stalls and timers", () => {
  const frames = [ECHO, FOREIGN, ARP_REPLY, padded(arpFrame())];
  for (let seed = 1; seed <= 20; seed++) {
    const fixture = new InterfaceFixture({ txSlots: 16 });
    const { driver, host, networkInterface } = fixture;
    driver.holdsTx = true;
    const random = new SeededRandom(seed);
    let now = 0;
    for (let step = 0; step < 500; step++) {
      const action = random.below(6);
      if (action < 2) deliver(fixture, random.below(20), frames[random.below(frames.length)]);
      else if (action === 2) driver.completeTx(random.below(17));
      else if (action === 3) networkInterface.tick(now += random.below(1500));
      else if (action === 4) {
        host.sendEchoRequest(ip(`10.0.2.${2 + random.below(5)}`), 1, step, 56, now);
      } else networkInterface.queues[0].poll(64, now);
    }
    while (driver.waiting() > 0) {
      driver.completeTx(16);
      networkInterface.queues[0].poll(64, now);
    }
    // Until each address that was asked for has answered or was given up.
    for (let i = 0; i < 100; i++) {
      driver.completeTx(16);
      driver.txqReclaim(0);
      networkInterface.tick(now += 1000);
    }
    driver.completeTx(16);
    driver.txqReclaim(0);
    fixture.assertPoolWhole();
  }
});

Deno.test("at MTU 9000 no more is received than could be answered in five netbufs each", () => {
  const fixture = new InterfaceFixture({ txSlots: 24, mtu: 9000 });
  const { driver, networkInterface } = fixture;
  driver.holdsTx = true;
  deliver(fixture, 3, JUMBO);
  deliver(fixture, 3);
  deliver(fixture, 3, JUMBO);
  assertEquals([networkInterface.queues[0].poll(64, 0), networkInterface.queues[0].poll(64, 0)], [
    4,
    1,
  ]);
  assertEquals([networkInterface.queues[0].poll(64, 0), networkInterface.queues[0].poll(64, 0)], [
    1,
    1,
  ]);
  assertEquals(networkInterface.queues[0].poll(64, 0), 0, "one of 24 is left");
  driver.completeTx(3);
  assertEquals([networkInterface.queues[0].poll(64, 0), networkInterface.queues[0].poll(64, 0)], [
    2,
    0,
  ]);
  driver.completeTx(6);
  assertEquals(driver.sent.length, 9);
  assertEquals(driver.sent.filter((frame) => frame.length === JUMBO.length).length, 6);
  assertEquals(driver.sent[0], JUMBO_REPLY);
  assertEquals(networkInterface.drops.tx_ring_full, 0);
  fixture.assertPoolWhole();
});

Deno.test("a ring shorter than the longest reply still answers the others", () => {
  const fixture = new InterfaceFixture({ txSlots: 4, mtu: 9000 });
  const { driver, networkInterface } = fixture;
  driver.queueInfo = { ...driver.queueInfo, maxDescriptors: 4 };
  networkInterface.attach(fixture.host);
  deliver(fixture, 1, JUMBO);
  deliver(fixture, 2);
  while (networkInterface.queues[0].poll(64, 0) > 0);
  assertEquals(driver.sent, [ECHO_REPLY, ECHO_REPLY]);
  assertEquals(networkInterface.drops.tx_ring_full, 1);
  fixture.assertPoolWhole();
});

Deno.test("a reply in more netbufs than its length needs takes no room from others", () => {
  const fixture = new InterfaceFixture({ txSlots: 8 });
  const { driver, networkInterface } = fixture;
  driver.holdsTx = true;
  driver.pieceBytes = 200;
  driver.deliver(echoFrame({}, { payload: new Uint8Array(1400) }));
  deliver(fixture, 7);
  assertEquals(networkInterface.queues[0].poll(64, 0), 8);
  assertEquals(networkInterface.drops.tx_ring_full, 1);
  driver.completeTx(8);
  assertEquals(driver.sent, new Array(7).fill(ECHO_REPLY));
  fixture.assertPoolWhole();
});
