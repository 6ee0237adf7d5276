import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { DeviceRecovery } from "../../app/device_recovery.ts";
import { FloodThread } from "./flood_thread.ts";
import { residentBytes } from "./proc.ts";
import { QemuCard } from "./qemu_card.ts";

const MIB = 2 ** 20;
const RESETS = 50;
/** From one reset that worked to the next: long enough not to be taken for its failure. */
const SPACING_MS = 120;
/** The other side may overwrite what a test wrote into a ring before anybody saw it. */
const RETRY_MS = 20;
/** What was under way at a reset is lost. */
const RESEND_AFTER_MS = 2;
const PATIENCE_MS = 40_000;

/** Ways to make a device need a reset, and what is told of it. */
const FAULTS: readonly {
  readonly reason: RegExp;
  readonly cause: (card: QemuCard, recovery: DeviceRecovery) => void;
}[] = [
  {
    reason: /^the test asks for it$/,
    cause: (_, recovery) => recovery.fail("the test asks for it"),
  },
  { reason: /broke the receive queue/, cause: (card) => card.breakUsedRing(0) },
  { reason: /broke the transmit queue/, cause: (card) => card.breakUsedRing(1) },
  // QEMU finds nonsense in the ring itself, and sets DEVICE_NEEDS_RESET.
  { reason: /asks for a reset/, cause: (card) => card.breakAvailableRing(0) },
];

Deno.test(`${RESETS} resets under a flood, of four kinds: echoes resume, the pool is whole`, async () => {
  await using card = await QemuCard.start();
  const recoveries: DeviceRecovery[] = [];
  const netdev = card.probe({ onFailure: (reason) => recoveries[0].fail(reason) });
  const running = card.run(netdev);
  const { host, networkInterface, pool } = running;
  const reasons: string[] = [];
  const failures: string[] = [];
  const recovery = new DeviceRecovery(netdev, networkInterface, {
    onReset: (reason) => reasons.push(reason),
    onGiveUp: (reason) => failures.push(reason),
  });
  recoveries.push(recovery);

  await using flood = new FloodThread({ hub: card.hub, resendAfter: RESEND_AFTER_MS });
  const answered = (): number => host.counters().echoRequestsAnswered;
  const times: number[] = [];
  let caused = 0;
  let causedAt = -Infinity;
  let triedAt = -Infinity;
  let answeredBefore = 0;
  let resumed = true;
  let resumedAt = 0;
  let warm = 0;
  const over = await card.runUntil(
    running,
    () => {
      const now = performance.now();
      if (failures.length > 0 || flood.failure !== null) return true;
      if (recovery.resets < caused) {
        answeredBefore = answered();
        if (now - triedAt < RETRY_MS) return false;
        triedAt = now;
        FAULTS[(caused - 1) % FAULTS.length].cause(card, recovery);
        return false;
      }
      if (!resumed) {
        if (answered() === answeredBefore) return false;
        resumed = true;
        resumedAt = now;
        times.push(now - causedAt);
      }
      if (flood.totals.replies === 0 || now - resumedAt < SPACING_MS) return false;
      if (caused === RESETS) return true;
      if (caused === RESETS / 2) warm = residentBytes(Deno.pid);
      caused++;
      causedAt = now;
      resumed = false;
      return false;
    },
    PATIENCE_MS,
    recovery,
  );
  const { replies, resent, wrong } = flood.totals;
  const grown = residentBytes(Deno.pid) - warm;

  assertEquals([failures, flood.failure], [[], null]);
  assert(over, `${recovery.resets} resets of ${caused}, ${times.length} resumed`);
  times.sort((a, b) => a - b);
  console.log(
    `recovery: ${recovery.resets} resets under a flood, echoes resume after ` +
      `${times[times.length >>> 1].toFixed(1)} ms (median), ${
        times[times.length - 1].toFixed(1)
      } ` +
      `ms (longest); ${replies} replies, ${resent} requests sent again; ` +
      `memory ${(warm / MIB).toFixed(1)} MiB ${grown < 0 ? "-" : "+"} ${
        (Math.abs(grown) / MIB).toFixed(1)
      } MiB`,
  );
  assertEquals([recovery.resets, times.length], [RESETS, RESETS]);
  reasons.forEach((reason, i) => {
    assert(FAULTS[i % FAULTS.length].reason.test(reason), `reset ${i}: ${reason}`);
  });
  assertEquals(wrong, 0);
  assertGreater(replies, RESETS);
  assertLess(grown, 32 * MIB);
  networkInterface.suspend();
  netdev.close();
  assertEquals(pool.available, pool.size);
});
