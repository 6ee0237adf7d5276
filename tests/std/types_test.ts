import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

// Each `@ts-expect-error` is itself an error when the line under it type-checks, so `deno check`
// fails on this file as soon as std's functions are `any` again.

Deno.test("assertEquals() without an expected value is a type error and a failure", () => {
  // @ts-expect-error: two values are needed
  assertThrows(() => assertEquals(1));
});

Deno.test("parseArgs() rejects an unknown option name at check time", () => {
  // @ts-expect-error: the option is called `string`
  const parsed = parseArgs(["--ip=1"], { strings: ["ip"] });
  assertEquals(parsed.ip, 1);
});

Deno.test("parseArgs() values are unknown until they are looked at", () => {
  const parsed = parseArgs(["--ip=10.0.2.15/24"], { string: ["ip"] });
  // @ts-expect-error: unknown is no string
  const ip: string = parsed.ip;
  assert(typeof parsed.ip === "string");
  assertEquals(parsed.ip, ip);
});
