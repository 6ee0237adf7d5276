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
  const words = length >> 2;
  const end = index + words | 0;
  const inFours = end - (words & 3) | 0;
  // The words modulo 2^32, and their upper halves alone: the lower halves are what is left of the first
  // without the second, as 65,535 bytes keep both below 2^31. It takes half the instructions of taking
  // each word apart. `| 0` behind a sum spares a check for its overflow, and costs nothing.
  let whole = 0;
  let high = 0;
  for (; index < inFours; index = index + 4 | 0) {
    const a = u32[index];
    const b = u32[index + 1 | 0];
    const c = u32[index + 2 | 0];
    const d = u32[index + 3 | 0];
    whole = whole + a + b + c + d | 0;
    high = high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) | 0;
  }
  for (; index < end; index = index + 1 | 0) {
    const word = u32[index];
    whole = whole + word | 0;
    high = high + (word >>> 16) | 0;
  }
  let low = whole - (high << 16) | 0;
  const rest = offset + (length & ~3);
  if ((length & 2) !== 0) low += u16[rest >> 1];
  if ((length & 1) !== 0) low += u8[offset + length - 1];
  return fold(low + high | 0);
}

/**
 * The checksum after one 16-bit word under it went from `from` to 0, by the way of RFC 1141 and not
 * by equation 3 of RFC 1624, which gives 0 where this gives 0xffff. Both are the same number in
 * ones' complement, but when the words left are all zero only 0xffff passes a receiver's sum.
 * All values are 16 bits in the byte order of memory.
 */
export function checksumAfterZeroing(checksum: number, from: number): number {
  const sum = checksum + from;
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * {@link fold}, for looking whether a sum is 0xffff: what one more turn would change is none, as the carries
 * of 65,535 bytes are less than 0xffff.
 */
export function foldOnce(sum: number): number {
  return (sum & 0xffff) + (sum >>> 16);
}

/** Adds the carries of a sum below 2^32 back into its low 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}
