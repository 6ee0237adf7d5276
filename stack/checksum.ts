import type { DmaRegion } from "../netdev/dma_region.ts";

/*
 * The Internet checksum (RFC 1071). Words are summed in the byte order of memory: the sum does not
 * depend on it (RFC 1071 §2(B)) as long as the result is stored the way the words were loaded, by
 * an element of `region.u16`.
 */

/**
 * The ones' complement sum of `length` bytes from `offset` (a multiple of 4) of a region, 16 bits in
 * the byte order of memory. An odd last byte is padded with zero. At most 65,535 bytes.
 *
 * Over data that contains a right checksum it is 0xffff; over data whose checksum field is zero,
 * its complement is the checksum.
 */
export function onesComplementSum(region: DmaRegion, offset: number, length: number): number {
  const { u8, u16, u32 } = region;
  let index = offset >> 2;
  const end = index + (length >> 2);
  // Halves of 32-bit words in two sums: 65,535 bytes keep each below 2^31. Adding whole words and
  // counting the carries is as fast on repeating data, but mispredicts seven times slower on random.
  let low = 0;
  let high = 0;
  for (; index + 3 < end; index += 4) {
    const a = u32[index];
    const b = u32[index + 1];
    const c = u32[index + 2];
    const d = u32[index + 3];
    low = low + (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff) | 0;
    high = high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) | 0;
  }
  for (; index < end; index++) {
    const word = u32[index];
    low = low + (word & 0xffff) | 0;
    high = high + (word >>> 16) | 0;
  }
  const rest = offset + (length & ~3);
  if ((length & 2) !== 0) low += u16[rest >> 1];
  if ((length & 1) !== 0) low += u8[offset + length - 1];
  return fold(fold(low) + fold(high));
}

/**
 * The checksum after one 16-bit word under it went from `from` to 0, by the way of RFC 1141 and not
 * by equation 3 of RFC 1624, which gives 0 where this gives 0xffff. Both are the same number in
 * ones' complement, but when the words left are all zero only 0xffff passes a receiver's sum.
 * All values are 16 bits in the byte order of memory.
 */
export function checksumAfterZeroing(checksum: number, from: number): number {
  return fold(checksum + from);
}

/** Adds the carries of a sum below 2^32 back into its low 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}
