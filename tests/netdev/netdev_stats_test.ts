import { assertEquals, assertThrows } from "@std/assert";
import { dropCounters } from "../../netdev/drop_reasons.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { type NetdevCounters, netdevStats } from "../../netdev/netdev_stats.ts";

/** Two receive queues of a driver that tells all, and a transmit queue of one that tells little. */
function counters(): NetdevCounters {
  return {
    rxQueues: [1, 10].map((n) => ({
      packets: 3 * n,
      bytes: 180 * n,
      interrupts: 2 * n,
      kicks: 4 * n,
      kicksSuppressed: 5 * n,
      underruns: 6 * n,
      ring: { size: 256, used: 7 * n },
      drops: { ...dropCounters("rx_too_short", "rx_too_long"), rx_too_short: n, rx_no_buffer: n },
    })),
    txQueues: [{
      packets: 8,
      bytes: 480,
      drops: { ...dropCounters("tx_foreign"), tx_too_long: 1, tx_link_down: 9 },
    }],
    configInterrupts: 1,
  };
}

Deno.test("the totals of a device are the sums over its queues", () => {
  const { rxQueues: _rx, txQueues: _tx, ...totals } = netdevStats(counters());
  assertEquals(totals, {
    rxPackets: 33,
    rxBytes: 1980,
    rxErrors: 11,
    rxDropped: 11,
    txPackets: 8,
    txBytes: 480,
    txErrors: 1,
    txDropped: 9,
    interrupts: 22,
    configInterrupts: 1,
    kicks: 44,
    kicksSuppressed: 55,
    rxUnderruns: 66,
    drops: {
      rx_too_short: 11,
      rx_too_long: 0,
      rx_no_buffer: 11,
      tx_foreign: 0,
      tx_too_long: 1,
      tx_link_down: 9,
    },
  });
});

Deno.test("each queue has its own, and what its driver doesn't count is 0", () => {
  const { rxQueues, txQueues } = netdevStats(counters());
  assertEquals(rxQueues[1], {
    packets: 30,
    bytes: 1800,
    errors: 10,
    dropped: 10,
    interrupts: 20,
    kicks: 40,
    kicksSuppressed: 50,
    underruns: 60,
    ring: { size: 256, used: 70 },
    drops: { rx_too_short: 10, rx_too_long: 0, rx_no_buffer: 10 },
  });
  assertEquals(txQueues, [{
    packets: 8,
    bytes: 480,
    errors: 1,
    dropped: 9,
    interrupts: 0,
    kicks: 0,
    kicksSuppressed: 0,
    underruns: 0,
    ring: null,
    drops: { tx_foreign: 0, tx_too_long: 1, tx_link_down: 9 },
  }]);
});

Deno.test("a device without queues has counted nothing", () => {
  const { drops, rxQueues, txQueues, ...totals } = netdevStats({ rxQueues: [], txQueues: [] });
  assertEquals([drops, rxQueues, txQueues], [{}, [], []]);
  assertEquals(new Set(Object.values(totals)), new Set([0]));
});

Deno.test("a snapshot does not change with what is counted later", () => {
  const queue = { packets: 1, bytes: 60, drops: dropCounters("rx_too_long") };
  const stats = netdevStats({ rxQueues: [queue], txQueues: [] });
  queue.packets++;
  queue.drops.rx_too_long++;
  assertEquals([stats.rxPackets, stats.rxQueues[0].packets, stats.rxErrors], [1, 1, 0]);
  assertEquals([stats.drops, stats.rxQueues[0].drops], [{ rx_too_long: 0 }, { rx_too_long: 0 }]);
});

Deno.test("a reason that nobody has declared is refused", () => {
  const queue = { packets: 0, bytes: 0, drops: { rx_whim: 1 } };
  const counters = { rxQueues: [queue], txQueues: [] };
  assertThrows(() => netdevStats(counters), NetdevError, '"rx_whim" is not declared');
});
