import { createMemfd, MappedRegion } from "../drivers/ffi/mapped_region.ts";

/** The last 64 KiB below 4 GiB, which an x86 machine has a second time at 0xf0000. */
const ROM_BYTES = 64 * 1024;
const LOW_ADDRESS = 0xf0000;

/** Where in the ROM everything is. The CPU's first instruction is at its end (Intel SDM 3A, §9.1.4). */
const PML4 = 0xc000;
const PDPT = 0xd000;
const PAGE_DIRECTORY = 0xe000;
const GDT = 0xf000;
const GDTR = 0xf010;
const REAL_MODE = 0xf020;
const LONG_MODE = 0xf080;
const RESET_VECTOR = 0xfff0;

/** Present, writable, and accessed already: what the CPU would have to write, it can't in a ROM. */
const TABLE_FLAGS = 0x23;
/** The same, dirty as well, and a page of 2 MiB. */
const PAGE_FLAGS = 0xe3;

/** A descriptor of 64-bit code (Intel SDM 3A, §3.4.5): present, accessed, L=1. */
const CODE_64 = [0, 0, 0, 0, 0, 0x9b, 0x20, 0];
const CODE_SELECTOR = 8;

/**
 * Firmware that takes the CPU from real mode to 64-bit mode with paging, as a kernel has it, and then
 * writes `value` to an I/O port of the first 256: an anonymous file; the caller closes it. A CPU that
 * merely gets through its first instructions isn't one that runs a kernel.
 */
export function createLongModeRom(port: number, value: number): number {
  const fd = createMemfd("ukdeno-rom", ROM_BYTES);
  using rom = new MappedRegion(fd, ROM_BYTES);
  const put = (offset: number, bytes: readonly number[]): void => rom.u8.set(bytes, offset);
  put(PML4, le32(LOW_ADDRESS + PDPT | TABLE_FLAGS));
  put(PDPT, le32(LOW_ADDRESS + PAGE_DIRECTORY | TABLE_FLAGS));
  put(PAGE_DIRECTORY, le32(PAGE_FLAGS));
  put(GDT + CODE_SELECTOR, CODE_64);
  put(GDTR, [...le16(15), ...le32(LOW_ADDRESS + GDT)]);
  put(RESET_VECTOR, [0xea, ...le16(REAL_MODE), ...le16(LOW_ADDRESS >>> 4)]); // ljmp 0xf000:REAL_MODE
  put(REAL_MODE, [
    0xfa, // cli
    ...[0x2e, 0x66, 0x0f, 0x01, 0x16, ...le16(GDTR)], // lgdtl %cs:GDTR
    ...[0x0f, 0x20, 0xe0], // mov %cr4, %eax
    ...[0x66, 0x83, 0xc8, 0x20], // or $PAE, %eax
    ...[0x0f, 0x22, 0xe0], // mov %eax, %cr4
    ...[0x66, 0xb8, ...le32(LOW_ADDRESS + PML4)], // mov $PML4, %eax
    ...[0x0f, 0x22, 0xd8], // mov %eax, %cr3
    ...[0x66, 0xb9, ...le32(0xc0000080)], // mov $IA32_EFER, %ecx
    ...[0x0f, 0x32], // rdmsr
    ...[0x66, 0x0d, ...le32(0x100)], // or $LME, %eax
    ...[0x0f, 0x30], // wrmsr
    ...[0x66, 0xb8, ...le32(0x80000001)], // mov $(PG | PE), %eax
    ...[0x0f, 0x22, 0xc0], // mov %eax, %cr0
    ...[0x66, 0xea, ...le32(LOW_ADDRESS + LONG_MODE), ...le16(CODE_SELECTOR)], // ljmpl $8, LONG_MODE
  ]);
  put(LONG_MODE, [
    ...[0xb0, value], // mov $value, %al
    ...[0xe6, port], // out %al, $port
    ...[0xf4, 0xeb, 0xfd], // again: hlt; jmp again
  ]);
  return fd;
}

function le16(value: number): number[] {
  return [value & 0xff, value >>> 8 & 0xff];
}

function le32(value: number): number[] {
  return [...le16(value), ...le16(value >>> 16)];
}
