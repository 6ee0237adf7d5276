import { assertEquals, assertGreater } from "@std/assert";
import { tapTest } from "../linux/network_namespace.ts";

const PROGRAM = new URL("run_packets.ts", import.meta.url).pathname;

/**
 * A young generation so small that a few bytes a packet fill it; and code that is optimized at once,
 * not when another thread has had the time: until then it does allocate.
 */
const V8_FLAGS = "--v8-flags=--trace-gc,--expose-gc,--max-semi-space-size=1," +
  "--no-concurrent-recompilation";

/** V8's lines about collections while the program ran its million packets. */
async function collections(...args: readonly string[]): Promise<string[]> {
  const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", V8_FLAGS, PROGRAM];
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...deno, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n")
    .filter((line) => /ms: (Scavenge|Mark-Compact)/.test(line));
  const marks = lines.flatMap((line, i) => line.includes(" testing;") ? [i] : []);
  assertEquals(marks.length, 2, `the program asks for two collections:\n${lines.join("\n")}`);
  return lines.slice(marks[0] + 1, marks[1]);
}

const DEVICES = [
  "virtio",
  "virtio-indirect",
  "virtio-packed",
  "virtio-packed-indirect",
  "vhost-user",
  "vhost-user-packed",
  ...["ranges", "e100", "stream", "tap", "loopback"],
];

for (const device of DEVICES) {
  const test = device === "tap" ? tapTest : Deno.test;
  test(`a million packets over ${device} cause no garbage collection`, async () => {
    assertEquals(await collections(device), []);
  });

  test(`one object a packet over ${device} is noticed`, async () => {
    assertGreater((await collections(device, "plant")).length, 0);
  });
}
