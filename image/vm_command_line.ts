import {
  deviceOptions,
  monitorArguments,
  networkArguments,
  NIC_PORT,
  type QemuNic,
} from "../drivers/pci/qemu/qemu_command_line.ts";
import type { Accelerator } from "./accelerator.ts";

/** QEMU's name of the port that the NIC is plugged into: what `device_add` takes as its `bus`. */
export const NIC_SLOT = "nic-slot";

/** What is booted, and on what. */
export interface VmMachine {
  readonly accelerator: Accelerator;
  /** MiB. */
  readonly memory: number;
  /** Processors. */
  readonly smp: number;
  /** Files: a kernel that PVH can start, and its initial file system. */
  readonly kernel: string;
  readonly initrd: string;
  readonly kernelCommandLine: string;
  readonly nic: QemuNic;
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
}

/** Descriptors that QEMU inherits. */
export interface VmDescriptors {
  /** Socket of QMP, by which the machine is set going and stopped. */
  readonly qmpFd: number;
  /** Listening socket of QMP for an operator, or null. */
  readonly monitorFd: number | null;
  /** Listening sockets on which QEMU's stream framing joins the network. */
  readonly hubFds: readonly number[];
}

/**
 * The command line for it. The serial port, which is the guest's console, is QEMU's standard input and
 * output. The machine starts stopped, as its network must not pass a frame on before its hub listens.
 *
 * The NIC is behind a port of PCI Express, from which it can be pulled, and what it reads and writes
 * goes through an IOMMU.
 */
export function vmCommandLine(machine: VmMachine, descriptors: VmDescriptors): string[] {
  const { qmpFd, monitorFd, hubFds } = descriptors;
  return [
    ...machineArguments(machine.accelerator),
    ...["-m", `${machine.memory}M`, "-smp", processors(machine.accelerator, machine.smp)],
    ...["-kernel", machine.kernel, "-initrd", machine.initrd],
    ...["-append", machine.kernelCommandLine],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=qmp,fd=${qmpFd}`, "-mon", "chardev=qmp,mode=control", "-S"],
    ...monitorArguments(monitorFd).flat(),
    // A guest that ends badly panics, and that is how QEMU ends then.
    ...["-device", "pvpanic", "-action", "panic=exit-failure"],
    ...["-device", `pcie-root-port,id=${NIC_SLOT},chassis=1,addr=4`],
    ...networkArguments({ nic: machine.nic, netdev: machine.netdev, hubFds }).flat(),
    // What an option ROM could do is done before the guest has booted, and it's slow.
    ...["-device", `${nicOptions(machine.nic)},netdev=${NIC_PORT},bus=${NIC_SLOT},romfile=`],
  ];
}

/** The machine without anything plugged into it: what has to work for an accelerator to be of use. */
export function machineArguments(accelerator: Accelerator): string[] {
  // QEMU goes through a string instruction element by element: by bytes, as a kernel copies and clears
  // memory on a processor that says it's good at that, that's half a second for the image.
  const cpu = accelerator === "tcg" ? "max,-erms,-fsrm" : "max";
  return [
    // The IOMMU remaps interrupts, and VFIO insists on that; it can't with all of KVM's irqchip.
    ...["-machine", `q35,accel=${accelerator},kernel-irqchip=split,smbus=off,sata=off`],
    ...["-device", "intel-iommu,intremap=on,caching-mode=on"],
    ...["-cpu", cpu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
  ];
}

/**
 * What QEMU is told of processors. A guest that can never have a second one needs no memory barriers,
 * thinks QEMU's translator, and leaves them out (CF_PARALLEL, accel/tcg; seen in 7.2). Its devices are
 * on a thread of their own, though, and ask to be notified while the driver looks whether they do: then
 * a queue that nobody is told of stands still.
 */
export function processors(accelerator: Accelerator, count: number): string {
  return accelerator === "tcg" && count === 1 ? "1,maxcpus=2" : `${count}`;
}

/**
 * What QEMU is told of a card, but for where it is: a `-device` that isn't complete yet.
 *
 * A card of virtio's goes past an IOMMU unless it's told not to. It's reset by its own status, so it
 * needs no other way: vfio takes one when it opens a card and when it leaves it, and the kernel waits a
 * tenth of a second for the FLR of PCI Express.
 */
export function nicOptions(nic: QemuNic): string {
  const isVirtio = nic.model.startsWith("virtio-");
  return `${deviceOptions(nic)}${isVirtio ? ",iommu_platform=on,x-pcie-flr-init=off" : ""}`;
}
