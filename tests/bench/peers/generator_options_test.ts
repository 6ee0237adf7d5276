import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../app/usage_error.ts";
import { parseGeneratorOptions } from "../../../bench/peers/generator_options.ts";

Deno.test("generator: without flags it keeps 256 requests of 64 bytes on their way for 2 s", () => {
  const { path, connects, size, addresses, mode, echoes, seconds, checkEvery, queuePairs } =
    parseGeneratorOptions(["/tmp/socket"]);
  assertEquals({ path, connects, size, addresses, mode, echoes, seconds, checkEvery, queuePairs }, {
    path: "/tmp/socket",
    connects: false,
    size: 64,
    addresses: 1,
    mode: { kind: "closed", window: 256 },
    echoes: Infinity,
    seconds: 2,
    checkEvery: 64,
    queuePairs: 1,
  });
});

Deno.test("generator: so many echoes have no time limit", () => {
  const { echoes, seconds, checkEvery } = parseGeneratorOptions(["--echoes=7", "--check=all", "s"]);
  assertEquals([echoes, seconds, checkEvery], [7, Infinity, 1]);
});

Deno.test("generator: features that are offered are named", () => {
  const offered = (text: string): bigint =>
    parseGeneratorOptions([`--offer=${text}`, "s"]).features;
  assertEquals(offered("none"), 0n);
  assertEquals(offered("mrg_rxbuf,packed"), 1n << 15n | 1n << 34n);
});

Deno.test("generator: what can't be is refused in words", () => {
  const refused: readonly (readonly [readonly string[], string])[] = [
    [[], "one PATH"],
    [["a", "b"], "one PATH"],
    [["--rate=5", "--burst=1", "s"], "--burst and --rate exclude each other"],
    [["--rate=5", "--queues=2", "s"], "--rate is for one pair"],
    [["--rate=5", "--wait=kick", "s"], "--rate can't sleep"],
    [["--addresses=3", "s"], "a power of two"],
    [["--check=3", "s"], "a power of two"],
    [["--offer=magic", "s"], '"magic" is none of'],
    [["--size=59", "s"], "from 60 to 9014"],
  ];
  for (const [args, words] of refused) {
    assertThrows(() => parseGeneratorOptions(args), UsageError, words);
  }
});
