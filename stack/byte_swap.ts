/** A 16-bit number with its two bytes the other way round. */
export function swapUint16(value: number): number {
  return (value & 0xff) << 8 | value >>> 8;
}

/** A 32-bit number with its four bytes the other way round, as an int32. */
export function swapInt32(value: number): number {
  return value << 24 | (value & 0xff00) << 8 | value >>> 8 & 0xff00 | value >>> 24;
}
