import { assert, assertEquals } from "@std/assert";
import { type BootTimes, busyboxTimes, STAGES, ukdenoTimes } from "../../../bench/vm/boot_times.ts";

const UKDENO = {
  text: "ukdeno: kernel 1.100 s, deno 0.400 s, modules 0.050 s, since then 0.450 s",
  at: 2150,
};
const READY = { text: "ready: 10.0.2.15/24 answers ARP and ping", at: 1900 };
const BUSYBOX = { text: "busybox: begun 1.10 s, loaded 1.21 s, ready 1.25 s", at: 1400 };

/** To the microsecond. */
function assertTimes(times: BootTimes | null, expected: BootTimes): void {
  assert(times !== null);
  const rounded = Object.entries(times).map(([name, at]) => [name, Math.round(1000 * at) / 1000]);
  assertEquals(Object.fromEntries(rounded), expected);
}

Deno.test("the image's line is counted back from when it came", () => {
  assertTimes(ukdenoTimes([UKDENO, READY]), {
    kernel: 150,
    init: 1250,
    program: 1650,
    modules: 1700,
    ready: 1900,
  });
});

Deno.test("busybox tells times of the kernel's clock, the last of which is now", () => {
  assertTimes(busyboxTimes([BUSYBOX]), {
    kernel: 150,
    init: 1250,
    program: 1250,
    modules: 1360,
    ready: 1400,
  });
});

Deno.test("a guest that hasn't said all of it has no times", () => {
  assertEquals(ukdenoTimes([UKDENO]), null);
  assertEquals(ukdenoTimes([READY]), null);
  assertEquals(busyboxTimes([READY]), null);
});

Deno.test("the stages together are the time to the first answer", () => {
  const times = ukdenoTimes([UKDENO, READY]);
  assert(times !== null);
  const sum = STAGES.reduce((sum, { of }) => sum + of(times, 1905), 0);
  assertEquals(Math.round(1000 * sum) / 1000, 1905);
});
