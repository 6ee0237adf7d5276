import { createMemfd, MappedRegion } from "../../ffi/mapped_region.ts";

/** The last 64 KiB below 4 GiB, where an x86 CPU fetches its first instruction from. */
const ROM_BYTES = 64 * 1024;

/** Offset of the reset vector 0xfffffff0 in the ROM (Intel SDM volume 3, §9.1.4). */
const RESET_VECTOR = 0xfff0;

/** `cli; again: hlt; jmp again`: no interrupt wakes the CPU, and a machine check finds the loop. */
const HALT = Uint8Array.of(0xfa, 0xf4, 0xeb, 0xfd);

/**
 * Firmware that halts the CPU at once, as an anonymous file; the caller closes it. QEMU's devices
 * and virtual clock run on. (Its `-S` would stop those, too.)
 */
export function createHaltRom(): number {
  const fd = createMemfd("ukdeno-rom", ROM_BYTES);
  using rom = new MappedRegion(fd, ROM_BYTES);
  rom.u8.set(HALT, RESET_VECTOR);
  return fd;
}
