import { assert, assertEquals } from "@std/assert";
import { FAULTS } from "../../device/hostile_faults.ts";
import type { HostileTally } from "../../device/hostile_tally.ts";
import { liveHostileLives } from "../../device/hostile_lives.ts";

/** Of each ring format; `deno task hostile --steps=N --seed=S` takes more, or others. */
const STEPS = 1_000_000;
const SEED = 0x5eed;

const DROPS = ["rx_too_short", "rx_bad_length", "rx_bad_buffer_count", "rx_bad_checksum_offset"];

/** Ways to reach a card, and to be interrupted by it: each rung of each ladder. */
const PCI_RUNGS = ["msi-x per queue", "msi-x shared", "intx", "polling"];
const MMIO_RUNGS = ["wire", "polling"];
const MODERN = [
  "model, msi-x per queue",
  ...PCI_RUNGS.map((rung) => `virtio-pci modern, ${rung}`),
  ...MMIO_RUNGS.map((rung) => `virtio-mmio version 2, ${rung}`),
];
const LEGACY = [
  ...PCI_RUNGS.map((rung) => `virtio-pci legacy, ${rung}`),
  ...MMIO_RUNGS.map((rung) => `virtio-mmio version 1, ${rung}`),
];

for (const ring of ["split", "packed"] as const) {
  Deno.test(`${ring} rings, 1,000,000 hostile steps: no netbuf is lost, each honest ping is answered`, () => {
    const tally = liveHostileLives(STEPS, SEED, { ring });
    assert(tally.steps >= STEPS, `${tally.steps} steps`);
    for (const name of Object.keys(FAULTS)) {
      const times = tally.faults.get(name) ?? 0;
      assert(times > 500, `${name} was tried ${times} times`);
    }
    for (const reason of DROPS) {
      const count = tally.drops.get(reason) ?? 0;
      assert(count > 500, `${count} frames were dropped as ${reason}`);
    }
    for (const way of ring === "split" ? [...MODERN, ...LEGACY] : MODERN) {
      const lives = tally.ways.get(way) ?? 0;
      assert(lives >= 5, `${lives} cards were ${way}`);
    }
    assert(tally.pings > 10_000, `${tally.pings} honest pings were answered`);
    assert(tally.resets > 1_000, `${tally.resets} resets brought the card back`);
    assert(
      tally.givenUp > 10,
      `${tally.givenUp} cards were given up, that were gone or never reset`,
    );
  });
}

Deno.test("hostile card: the same seed does the same again", () => {
  for (const [steps, watched] of [[20_000, false], [5_000, true]] as const) {
    const live = (): HostileTally => liveHostileLives(steps, 77, { ring: "packed", watched });
    assertEquals(live(), live());
  }
});
