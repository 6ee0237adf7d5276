import { assertEquals } from "@std/assert";
import { endingFor } from "../../../image/guest/ending.ts";

Deno.test("a machine is switched off after a good end, by ACPI or by a restart", () => {
  assertEquals(endingFor(0, true), "power off");
  assertEquals(endingFor(0, false), "restart");
});

Deno.test("a bad end is a panic, which the host hears of", () => {
  for (const status of [1, 2, 255]) {
    assertEquals(endingFor(status, true), "panic");
    assertEquals(endingFor(status, false), "panic");
  }
});
