import { machineArguments, NIC_SLOT, nicOptions, processors } from "../../image/vm_command_line.ts";
import { HOST_MAC } from "../../tests/stack/frames.ts";
import type { Guest } from "./guests.ts";

/** The TAP interface that the card is on, in the network namespace that QEMU is started in. */
export const TAP = "tap0";

const NIC = { model: "virtio-net-pci", mac: HOST_MAC, mtu: 1500 };

/** What both guests are given alike. */
export interface GuestMachine {
  readonly accelerator: "kvm" | "tcg";
  /** MiB. */
  readonly memory: number;
  readonly smp: number;
}

/**
 * QEMU's arguments for a guest: those of `deno task vm`, with the card on a TAP interface and nothing in
 * between, and the console on its standard input and output.
 */
export function guestCommandLine(guest: Guest, machine: GuestMachine): string[] {
  return [
    ...machineArguments(machine.accelerator),
    ...["-m", `${machine.memory}M`, "-smp", processors(machine.accelerator, machine.smp)],
    ...["-kernel", guest.kernel, "-initrd", guest.initrd, "-append", guest.commandLine],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-device", `pcie-root-port,id=${NIC_SLOT},chassis=1,addr=4`],
    ...["-netdev", `tap,id=net,ifname=${TAP},script=no,downscript=no`],
    ...["-device", `${nicOptions(NIC)},netdev=net,bus=${NIC_SLOT},romfile=`],
  ];
}
