import { assertEquals } from "@std/assert";
import { guestCommandLine } from "../../../bench/vm/guest_command_line.ts";
import { withoutDeno } from "../../../bench/vm/guests.ts";
import { kernelCommandLine } from "../../../image/kernel_command_line.ts";

Deno.test("the other guest's kernel is told the same, but for what Deno is told", () => {
  const ours = kernelCommandLine(["--mtu=1400"], ["netdev.ip=10.0.2.15/24"]);
  const words = withoutDeno(ours).split(" ");
  assertEquals(words.filter((word) => !ours.split(" ").includes(word)), []);
  assertEquals(words.filter((word) => /deno|netdev|mtu|rdinit|NO_COLOR|--/i.test(word)), []);
  assertEquals(words.includes("quiet") && words.includes("intel_iommu=on"), true);
});

Deno.test("both guests are given the same machine", () => {
  const guest = {
    kernel: "K",
    initrd: "I",
    name: "",
    commandLine: "C",
    times: () => null,
    memory: { ask: "", total: /a/, available: /a/, resident: null },
  };
  const machine = { accelerator: "tcg", memory: 512, smp: 1 } as const;
  const ours = guestCommandLine(guest, machine);
  const peer = guestCommandLine({ ...guest, initrd: "J", commandLine: "D" }, machine);
  const different = ours.flatMap((word, i) => word === peer[i] ? [] : [word, peer[i]]);
  assertEquals(different, ["I", "J", "C", "D"]);
});
