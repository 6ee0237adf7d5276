import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../app/usage_error.ts";
import { onlyValue, takeFlags, VM_FLAGS, vmHelpText } from "../../image/vm_flags.ts";

Deno.test("own flags are taken in both spellings, and all else is left in its order", () => {
  const args = ["--memory=512", "ping", "--smp", "2", "-c", "3", "--hub=a", "--hub=b", "10.0.2.2"];
  const { taken, rest } = takeFlags(args, VM_FLAGS);
  assertEquals([...taken], [["memory", ["512"]], ["smp", ["2"]], ["hub", ["a", "b"]]]);
  assertEquals(rest, ["ping", "-c", "3", "10.0.2.2"]);
});

Deno.test("a value may have an equals sign in it", () => {
  const { taken } = takeFlags(["--netdev=tap,ifname=tap0"], VM_FLAGS);
  assertEquals(taken.get("netdev"), ["tap,ifname=tap0"]);
});

Deno.test("a flag without a value is refused", () => {
  for (const args of [["--memory"], ["--memory="]]) {
    const { message } = assertThrows(() => takeFlags(args, VM_FLAGS), UsageError);
    assertEquals(message, "--memory needs a value: --memory=MIB");
  }
});

Deno.test("what may be given once is given once, or not at all", () => {
  assertEquals(onlyValue(takeFlags(["--smp=2"], VM_FLAGS), "smp"), "2");
  assertEquals(onlyValue(takeFlags([], VM_FLAGS), "smp"), undefined);
  const twice = takeFlags(["--smp=2", "--smp=2"], VM_FLAGS);
  assertThrows(() => onlyValue(twice, "smp"), UsageError, "--smp is given 2 times");
});

Deno.test("help shows each flag, in lines that fit", () => {
  const help = vmHelpText();
  for (const { name } of VM_FLAGS) assertEquals(help.includes(`--${name}=`), true, name);
  for (const line of help.split("\n")) assertEquals(line.length <= 100, true, line);
});
