import { assert, assertEquals } from "@std/assert";
import { vmCommandLine, type VmMachine } from "../../image/vm_command_line.ts";

const MACHINE: VmMachine = {
  accelerator: "tcg",
  memory: 384,
  smp: 2,
  kernel: "/image/vmlinux",
  initrd: "/image/initrd",
  kernelCommandLine: "quiet -- run script",
  nic: { model: "virtio-net-pci", mac: "52:54:00:12:34:56", mtu: 1400, properties: "packed=on" },
  netdev: "user,restrict=on",
};
const DESCRIPTORS = { qmpFd: 11, monitorFd: 12, hubFds: [13, 14] };

/** The values of an option, in order. */
function values(args: readonly string[], option: string): string[] {
  return args.filter((_, i) => args[i - 1] === option);
}

function device(args: readonly string[], name: string): string[] {
  return values(args, "-device").find((value) => value.startsWith(`${name},`))?.split(",") ?? [];
}

Deno.test("each argument is an option or the value of one", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  for (const [i, arg] of args.entries()) {
    assert(arg.startsWith("-") || args[i - 1].startsWith("-"), arg);
  }
});

Deno.test("it boots the image, with the processors and the memory that were asked for", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  assertEquals(values(args, "-kernel"), ["/image/vmlinux"]);
  assertEquals(values(args, "-initrd"), ["/image/initrd"]);
  assertEquals(values(args, "-append"), ["quiet -- run script"]);
  assertEquals([...values(args, "-m"), ...values(args, "-smp")], ["384M", "2"]);
  assert(values(args, "-machine")[0].startsWith("q35,accel=tcg,kernel-irqchip=split"));
});

Deno.test("one processor that QEMU emulates keeps its memory barriers, as there could be two", () => {
  const smpOf = (accelerator: "kvm" | "tcg", smp: number): string[] =>
    values(vmCommandLine({ ...MACHINE, accelerator, smp }, DESCRIPTORS), "-smp");
  assertEquals([smpOf("tcg", 1), smpOf("tcg", 2)], [["1,maxcpus=2"], ["2"]]);
  assertEquals(smpOf("kvm", 1), ["1"]);
});

Deno.test("a processor that QEMU emulates doesn't say that it's good at copying bytes", () => {
  const cpuOf = (accelerator: "kvm" | "tcg"): string[] =>
    values(vmCommandLine({ ...MACHINE, accelerator }, DESCRIPTORS), "-cpu");
  assertEquals(cpuOf("tcg"), ["max,-erms,-fsrm"]);
  assertEquals(cpuOf("kvm"), ["max"]);
});

Deno.test("what VFIO needs is there: an IOMMU that remaps interrupts, and a card behind it", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  assert(device(args, "intel-iommu").includes("intremap=on"));
  assert(device(args, "virtio-net-pci").includes("iommu_platform=on"));
});

Deno.test("the card is behind a port that it can be pulled from, under the names that others know", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  const port = device(args, "pcie-root-port").find((option) => option.startsWith("id="));
  const card = device(args, "virtio-net-pci");
  for (const option of ["id=nic", "netdev=nic-port", `bus=${port?.slice(3)}`, "packed=on"]) {
    assert(card.includes(option), option);
  }
  assert(card.includes("mac=52:54:00:12:34:56") && card.includes("host_mtu=1400"));
});

Deno.test("an 8255x knows nothing of virtio's properties", () => {
  const nic = { model: "i82550", mac: "52:54:00:12:34:56", mtu: 1500 };
  const card = device(vmCommandLine({ ...MACHINE, nic }, DESCRIPTORS), "i82550");
  assertEquals(
    card.some((option) => /iommu_platform|x-pcie|host_mtu|disable-legacy/.test(option)),
    false,
  );
});

Deno.test("it starts stopped, and is set going and watched by descriptors that it inherits", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  assert(args.includes("-S"));
  const sockets = values(args, "-chardev").filter((value) => value.startsWith("socket,"));
  assertEquals(sockets, ["socket,id=qmp,fd=11", "socket,id=monitor,fd=12,server=on,wait=off"]);
  const streams = values(args, "-netdev").filter((value) => value.startsWith("stream,"));
  assertEquals(streams.map((value) => value.slice(-2)), ["13", "14"]);
});

Deno.test("the console is QEMU's own standard input and output, where Ctrl-C is nobody's key", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  assertEquals(values(args, "-serial"), ["chardev:console"]);
  assert(values(args, "-chardev").includes("stdio,id=console,signal=off"));
});

Deno.test("a guest that panics ends it with a failure, and one that restarts ends it", () => {
  const args = vmCommandLine(MACHINE, DESCRIPTORS);
  assertEquals(values(args, "-action"), ["panic=exit-failure"]);
  assert(values(args, "-device").includes("pvpanic") && args.includes("-no-reboot"));
});
