import type { DmaRegion } from "../netdev/dma_region.ts";
import * as byteSwap from "./byte_swap.ts";

// Not imported by name, for speed: see host.ts. What a module itself exports costs it the same.
const { swapInt32, swapUint16 } = byteSwap;

/*
 * Fields in network byte order, big-endian, of a little-endian region. Packets are laid so that
 * their fields stand at offsets that are multiples of their size; others would be read wrong.
 */

/** The 16-bit number at an even offset. */
export function loadUint16(region: DmaRegion, offset: number): number {
  return swapUint16(region.u16[offset >> 1]);
}

/** Writes the low 16 bits of `value` at an even offset. */
export function storeUint16(region: DmaRegion, offset: number, value: number): void {
  region.u16[offset >> 1] = swapUint16(value & 0xffff);
}

/** The int32, such as an IPv4 address, at an offset that is a multiple of 4. */
export function loadInt32(region: DmaRegion, offset: number): number {
  return swapInt32(region.u32[offset >> 2]);
}

/** Writes an int32 at an offset that is a multiple of 4. */
export function storeInt32(region: DmaRegion, offset: number, value: number): void {
  region.u32[offset >> 2] = swapInt32(value);
}
