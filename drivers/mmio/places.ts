import { readSpecial } from "../ffi/special_file.ts";

/** Bytes from one place of QEMU's microvm to the next, and all that a network card's registers take. */
export const PLACE_BYTES = 0x200;

/** Where that machine has them (QEMU's hw/i386/microvm.c, include/hw/i386/microvm.h). */
const MICROVM_BASE = 0xfeb0_0000;
const MICROVM_PLACES = 24;

/** `virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID]`, with numbers as C writes them (kernel-parameters.txt). */
const PARAMETER = /(?:^|\s)virtio_mmio\.device=[^@\s]+@(0x[0-9a-f]+|[0-9]+):[0-9]/gi;

/**
 * Physical addresses where virtio devices may be: those that the machine tells by its kernel's command
 * line, as Firecracker does and QEMU's microvm may, else all places of a microvm.
 */
export function virtioPlaces(commandLine: string): number[] {
  const told = [...commandLine.matchAll(PARAMETER)].map(([, address]) => Number(address));
  if (told.length > 0) return told;
  return Array.from({ length: MICROVM_PLACES }, (_, i) => MICROVM_BASE + i * PLACE_BYTES);
}

/** The same for this machine. `ErrnoError` where /proc isn't mounted. */
export function readVirtioPlaces(): number[] {
  return virtioPlaces(readSpecial("/proc/cmdline"));
}
