import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { DeviceRecovery } from "../../app/device_recovery.ts";
import { FloodThread } from "./flood_thread.ts";
import { residentBytes } from "./proc.ts";
import { QemuCard, type QemuCardOptions } from "./qemu_card.ts";

const MIB = 2 ** 20;
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

/** Cards to reset, and how often. QEMU doesn't ask for a reset by a legacy interface: it has no bit. */
const CARDS: readonly {
  readonly name: string;
  readonly options: QemuCardOptions;
  readonly resets: number;
  readonly kinds: number;
}[] = [
  { name: "virtio-pci", options: {}, resets: 50, kinds: 4 },
  {
    name: "its legacy interface",
    options: { properties: "disable-modern=on" },
    resets: 6,
    kinds: 3,
  },
  { name: "virtio-mmio 2", options: { mmio: 2 }, resets: 8, kinds: 4 },
  { name: "virtio-mmio 1", options: { mmio: 1 }, resets: 6, kinds: 3 },
];

for (const { name, options, resets, kinds } of CARDS) {
  Deno.test(`${name}: ${resets} resets under a flood, of ${kinds} kinds: echoes resume, the pool is whole`, () =>
    recovers(name, options, resets, FAULTS.slice(0, kinds)));
}

async function recovers(
  name: string,
  options: QemuCardOptions,
  resets: number,
  faults: typeof FAULTS,
): Promise<void> {
  await using card = await QemuCard.start(options);
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
        faults[(caused - 1) % faults.length].cause(card, recovery);
        return false;
      }
      if (!resumed) {
        if (answered() === answeredBefore) return false;
        resumed = true;
        resumedAt = now;
        times.push(now - causedAt);
      }
      if (flood.totals.replies === 0 || now - resumedAt < SPACING_MS) return false;
      if (caused === resets) return true;
      if (caused === resets / 2) warm = residentBytes(Deno.pid);
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
    `recovery of ${name}: ${recovery.resets} resets under a flood, echoes resume after ` +
      `${times[times.length >>> 1].toFixed(1)} ms (median), ${
        times[times.length - 1].toFixed(1)
      } ` +
      `ms (longest); ${replies} replies, ${resent} requests sent again; ` +
      `memory ${(warm / MIB).toFixed(1)} MiB ${grown < 0 ? "-" : "+"} ${
        (Math.abs(grown) / MIB).toFixed(1)
      } MiB`,
  );
  assertEquals([recovery.resets, times.length], [resets, resets]);
  reasons.forEach((reason, i) => {
    assert(faults[i % faults.length].reason.test(reason), `reset ${i}: ${reason}`);
  });
  assertEquals(wrong, 0);
  assertGreater(replies, resets);
  assertLess(grown, 32 * MIB);
  networkInterface.suspend();
  netdev.close();
  assertEquals(pool.available, pool.size);
}
