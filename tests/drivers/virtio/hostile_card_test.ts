import { assert, assertEquals } from "@std/assert";
import { FAULTS } from "../../device/hostile_faults.ts";
import type { HostileTally } from "../../device/hostile_tally.ts";
import { liveHostileLives } from "../../device/hostile_lives.ts";

/** Of each ring format; `deno task hostile --steps=N --seed=S` takes more, or others. */
const STEPS = 1_000_000;
const SEED = 0x5eed;

for (const ring of ["split", "packed"] as const) {
  Deno.test(`${ring} rings, 1,000,000 hostile steps: no netbuf is lost, each honest ping is answered`, () => {
    const tally = liveHostileLives(STEPS, SEED, { ring });
    assert(tally.steps >= STEPS, `${tally.steps} steps`);
    for (const name of Object.keys(FAULTS)) {
      const times = tally.faults.get(name) ?? 0;
      assert(times > 500, `${name} was tried ${times} times`);
    }
    for (const reason of ["rx_too_short", "rx_bad_length", "rx_bad_buffer_count"]) {
      const count = tally.drops.get(reason) ?? 0;
      assert(count > 500, `${count} frames were dropped as ${reason}`);
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
  const live = (): HostileTally => liveHostileLives(20_000, 77, { ring: "packed" });
  assertEquals(live(), live());
});
