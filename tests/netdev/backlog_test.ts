import { assert, assertEquals, fail } from "@std/assert";
import { Backlog, NET_RX_DROP, NET_RX_SUCCESS } from "../../netdev/backlog.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import { NETDEV_STATUS_MORE } from "../../netdev/netdev_types.ts";
import { makePool } from "../stack/host_fixture.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWaiter } from "./fake_waiter.ts";
import { refuses } from "./refuses.ts";

function packet(pool: NetbufPool, length = 60): Netbuf {
  const netbuf = pool.alloc() ?? fail("the pool is dry");
  netbuf.length = length;
  return netbuf;
}

/** Takes up to `count` packets. */
function take(backlog: Backlog, count: number): Netbuf[] {
  const netbufs: Netbuf[] = [];
  assertEquals(backlog.rxBurst(netbufs, count), netbufs.length);
  return netbufs;
}

Deno.test("packets come out in the order in which they were pushed, round and round", () => {
  const pool = makePool(8, 256);
  const backlog = new Backlog({ maxPackets: 3 });
  const expected: Netbuf[] = [];
  const received: Netbuf[] = [];
  for (const [pushes, count] of [[2, 1], [2, 2], [1, 0], [1, 9], [3, 3]]) {
    for (let i = 0; i < pushes; i++) {
      const netbuf = packet(pool);
      expected.push(netbuf);
      assertEquals(backlog.netifRx(netbuf), NET_RX_SUCCESS);
    }
    for (const netbuf of take(backlog, count)) {
      received.push(netbuf);
      netbuf.free();
    }
    assertEquals(backlog.length, expected.length - received.length);
  }
  assertEquals(received.map(({ start }) => start), expected.map(({ start }) => start));
  assertEquals([backlog.packets, backlog.bytes], [9, 9 * 60]);
  assertEquals(pool.available, 8);
});

Deno.test("a chain is one packet, of all its bytes", () => {
  const pool = makePool(2, 256);
  const chain = packet(pool, 100);
  chain.append(packet(pool, 20));
  const backlog = new Backlog();
  backlog.netifRx(chain);
  assert(take(backlog, 2)[0] === chain);
  assertEquals([backlog.packets, backlog.bytes], [1, 120]);
});

Deno.test("a full backlog drops the newest, frees it and counts it", () => {
  const pool = makePool(1003, 128);
  const backlog = new Backlog();
  for (let i = 0; i < 1000; i++) assertEquals(backlog.netifRx(packet(pool)), NET_RX_SUCCESS);
  for (let i = 0; i < 2; i++) assertEquals(backlog.netifRx(packet(pool)), NET_RX_DROP);
  assertEquals([backlog.length, backlog.drops.backlog_full], [1000, 2]);
  assertEquals(pool.available, 3);
  const taken = take(backlog, 64);
  assertEquals(taken.length, 64);
  for (const netbuf of taken) assertEquals(backlog.netifRx(netbuf), NET_RX_SUCCESS);
  assertEquals(backlog.netifRx(packet(pool)), NET_RX_DROP);
  assertEquals([backlog.length, backlog.packets, backlog.drops.backlog_full], [1000, 64, 3]);
});

Deno.test("an armed backlog raises one event, until it's armed again", () => {
  const pool = makePool(8, 256);
  const events: number[] = [];
  const backlog = new Backlog({ queueId: 5, onEvent: (queueId) => events.push(queueId) });
  backlog.netifRx(packet(pool));
  assertEquals(events, [], "not armed yet");
  assertEquals(backlog.rxqIntrEnable(), false, "a packet waits already");
  backlog.netifRx(packet(pool));
  assertEquals(events, [], "and so it wasn't armed");
  take(backlog, 8);
  assertEquals(backlog.rxqIntrEnable(), true);
  backlog.netifRx(packet(pool));
  backlog.netifRx(packet(pool));
  assertEquals(events, [5]);
  take(backlog, 8);
  assertEquals(backlog.rxqIntrEnable(), true);
  backlog.rxqIntrDisable();
  backlog.netifRx(packet(pool));
  assertEquals([events, backlog.interrupts], [[5], 1]);
});

Deno.test("nobody has to listen to the event", () => {
  const pool = makePool(1, 256);
  const backlog = new Backlog();
  assertEquals(backlog.rxqIntrEnable(), true);
  assertEquals(backlog.netifRx(packet(pool)), NET_RX_SUCCESS);
  assertEquals(take(backlog, 1).length, 1);
});

Deno.test("the status says whether more packets wait than the last burst took", () => {
  const pool = makePool(3, 256);
  const backlog = new Backlog();
  for (let i = 0; i < 3; i++) backlog.netifRx(packet(pool));
  take(backlog, 2);
  assertEquals(backlog.rxqStatus(), NETDEV_STATUS_MORE);
  take(backlog, 2);
  assertEquals(backlog.rxqStatus(), 0);
});

Deno.test("a flush gives every netbuf back and disarms, and counters stay", () => {
  const pool = makePool(3, 256);
  const events: number[] = [];
  const backlog = new Backlog({ maxPackets: 2, onEvent: (queueId) => events.push(queueId) });
  for (let i = 0; i < 3; i++) backlog.netifRx(packet(pool));
  take(backlog, 1).forEach((netbuf) => netbuf.free());
  backlog.flush();
  assertEquals([backlog.length, pool.available], [0, 3]);
  assertEquals([backlog.packets, backlog.drops.backlog_full], [1, 1]);
  backlog.rxqIntrEnable();
  backlog.flush();
  backlog.netifRx(packet(pool));
  assertEquals(events, []);
  assertEquals(take(backlog, 2).length, 1);
});

Deno.test("a push wakes a loop that sleeps", async () => {
  const pool = makePool(4, 256);
  const waiter = new FakeWaiter(new FakeClock());
  const backlog = new Backlog({ waiter });
  backlog.rxqIntrEnable();
  waiter.whileAsleep = () => {
    backlog.netifRx(packet(pool));
    backlog.netifRx(packet(pool));
  };
  await waiter.sleep(Infinity);
  assertEquals(backlog.length, 2);
});

for (const maxPackets of [0, -1, 1.5, NaN]) {
  Deno.test(`a backlog of ${maxPackets} packets is refused`, () => {
    refuses(
      "EINVAL",
      `a backlog of ${maxPackets} packets: at least 1 is needed`,
      () => new Backlog({ maxPackets }),
    );
  });
}
