import { assert, assertEquals } from "@std/assert";
import { InterfaceFixture } from "../netdev/interface_fixture.ts";
import { echoFrame, echoReplyFromHost, ip, padded, PEER_IP } from "./frames.ts";
import { SeededRandom } from "./seeded_random.ts";

/** An echo request that tells by its sequence number which one it is, and what answers it. */
function echo(sequence: number): Uint8Array {
  return padded(echoFrame({}, { sequence }));
}

function reply(sequence: number): Uint8Array {
  return echoReplyFromHost({}, { sequence });
}

Deno.test("a reply leaves by the transmit queue of the same number", () => {
  const fixture = new InterfaceFixture({ queues: 2 });
  const { driver, networkInterface } = fixture;
  driver.deliver(echo(1), 1);
  driver.deliver(echo(2), 0);
  driver.deliver(echo(3), 1);
  assertEquals(networkInterface.queues.map((queue) => queue.poll(64, 0)), [1, 2]);
  assertEquals([driver.txBurstQueues, driver.txBursts], [[0, 1], [1, 2]]);
  assertEquals(driver.sent, [reply(2), reply(1), reply(3)]);
  fixture.assertPoolWhole();
});

Deno.test("what was sent last is taken back by the 64th empty poll, or before a sleep", () => {
  const { driver, networkInterface, pool } = new InterfaceFixture();
  const [queue] = networkInterface.queues;
  const whole = pool.available;
  driver.deliver(echo(1));
  assertEquals(queue.poll(64, 0), 1);
  for (let i = 0; i < 63; i++) queue.poll(64, 0);
  assertEquals(pool.available, whole - 1);
  queue.poll(64, 0);
  assertEquals(pool.available, whole);

  driver.deliver(echo(2));
  queue.poll(64, 0);
  assertEquals(pool.available, whole - 1);
  queue.arm();
  assertEquals(pool.available, whole);
});

Deno.test("the host's own frames go out by queue 0, whichever queue is being polled", () => {
  const fixture = new InterfaceFixture({ queues: 2 });
  const { driver, host, networkInterface } = fixture;
  fixture.onFirstEcho = () => host.announce(0);
  driver.deliver(echo(1), 1);
  networkInterface.queues[1].poll(64, 0);
  assertEquals(driver.txBurstQueues, [0, 1]);
  host.sendEchoRequest(ip(PEER_IP), 1, 1, 56, 0);
  assertEquals(driver.txBurstQueues, [0, 1, 0]);
  fixture.assertPoolWhole(1);
});

Deno.test("an interrupt schedules its own queue, and each is armed when nothing waits there", () => {
  const fixture = new InterfaceFixture({ queues: 2 });
  const { driver, scheduler, waiter, networkInterface } = fixture;
  scheduler.round(0);
  assertEquals(scheduler.arm(), true);
  driver.deliver(echo(1), 1);
  waiter.poll();
  const polls = networkInterface.queues.map(({ napiCounters }) => napiCounters.polls);
  assertEquals(scheduler.round(0), 1);
  const after = networkInterface.queues.map(({ napiCounters }) => napiCounters.polls);
  assertEquals(after.map((count, queue) => count - polls[queue]), [0, 1]);
  assertEquals(driver.sent, [reply(1)]);
});

Deno.test("a queue whose ring is full keeps no other from answering", () => {
  const fixture = new InterfaceFixture({ queues: 2, txSlots: 4 });
  const { driver, networkInterface } = fixture;
  const [first, second] = networkInterface.queues;
  driver.holdsTx = true;
  for (let i = 0; i < 10; i++) {
    driver.deliver(echo(i), 0);
    driver.deliver(echo(100 + i), 1);
  }
  assertEquals([first.poll(64, 0), first.poll(64, 0)], [4, 0]);
  assertEquals([second.poll(64, 0), second.poll(64, 0)], [4, 0]);
  driver.completeTx(4, 1);
  assertEquals([first.poll(64, 0), second.poll(64, 0), second.poll(64, 0)], [0, 4, 0]);
  assertEquals(networkInterface.tick(0), 1, "both are stalled: asked again each millisecond");
  driver.completeTx(4, 0);
  assertEquals(networkInterface.tick(1), 2, "one still is");
  driver.completeTx(4, 1);
  assertEquals(networkInterface.tick(2), Infinity);
  driver.holdsTx = false;
  while (fixture.scheduler.round(0) > 0);
  assertEquals(driver.sent.length, 20);
  assertEquals(networkInterface.drops.tx_ring_full, 0);
  fixture.assertPoolWhole();
});

Deno.test("two queues under a flood take turns, and a quiet one isn't kept waiting", () => {
  const fixture = new InterfaceFixture({ queues: 2 });
  const { driver, scheduler } = fixture;
  for (let i = 0; i < 300; i++) driver.deliver(echo(i), 0);
  driver.deliver(echo(1000), 1);
  scheduler.round(0);
  const at = driver.sent.findIndex((frame) => `${frame}` === `${reply(1000)}`);
  assert(at >= 0 && at <= 64, `answered after ${at} others`);
  for (let i = 0; i < 300; i++) driver.deliver(echo(2000 + i), 1);
  driver.sent.length = 0;
  driver.txBurstQueues.length = 0;
  while (driver.waiting(0) > 0) scheduler.round(0);
  const turns = driver.txBurstQueues.join("");
  assertEquals(/000|111/.test(turns.slice(0, 6)), false, turns);
});

Deno.test("suspended, no queue is polled or sends; resumed, all of them are", () => {
  const fixture = new InterfaceFixture({ queues: 2 });
  const { driver, host, networkInterface, scheduler } = fixture;
  scheduler.round(0);
  networkInterface.suspend();
  for (const queue of [0, 1]) driver.deliver(echo(queue), queue);
  networkInterface.onEvent(0);
  networkInterface.onEvent(1);
  host.announce(0);
  assertEquals([scheduler.idle, networkInterface.drops.tx_suspended], [true, 1]);
  networkInterface.resume();
  assertEquals(scheduler.round(0), 2);
  assertEquals(driver.sent, [reply(0), reply(1)]);
  fixture.assertPoolWhole();
});

Deno.test("after any interleaving each frame is answered once, and in order within its queue", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const fixture = new InterfaceFixture({ queues: 2, txSlots: 16 });
    const { driver, networkInterface } = fixture;
    driver.holdsTx = true;
    const random = new SeededRandom(seed);
    const expected: Uint8Array[][] = [[], []];
    let sequence = 0;
    for (let step = 0; step < 400; step++) {
      const queue = random.below(2);
      const action = random.below(3);
      if (action === 0 && sequence < 5000) {
        for (let n = random.below(10); n > 0; n--) {
          expected[queue].push(reply(sequence));
          driver.deliver(echo(sequence++), queue);
        }
      } else if (action === 1) driver.completeTx(random.below(17), queue);
      else networkInterface.queues[queue].poll(64, 0);
    }
    for (const queue of [0, 1]) {
      do driver.completeTx(16, queue); while (networkInterface.queues[queue].poll(64, 0) > 0);
      driver.completeTx(16, queue);
    }
    const keys = driver.sent.map((frame) => frame.join());
    for (const own of expected) {
      const wanted = new Set(own.map((frame) => frame.join()));
      assertEquals(keys.filter((key) => wanted.has(key)), [...wanted], `seed ${seed}`);
    }
    assertEquals(keys.length, sequence);
    fixture.assertPoolWhole();
  }
});
