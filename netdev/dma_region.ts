/**
 * Memory that a device and this process share: one mapping, seen through typed arrays of the three
 * widths that rings and packets use. Offsets are bytes from the start of the region. Elements are in
 * this machine's byte order, little-endian, which is that of the rings of most network cards.
 *
 * Never look at a region through a DataView: before V8 has optimised it, a DataView assembles a
 * multi-byte value from single bytes, and the device can write in between.
 */
export interface DmaRegion {
  /** Bytes in all, a multiple of 4. */
  readonly byteLength: number;
  /** The region by bytes. */
  readonly u8: Uint8Array;
  /** The region by 16 bits: element n is at offset 2n. */
  readonly u16: Uint16Array;
  /** The region by 32 bits: element n is at offset 4n. */
  readonly u32: Uint32Array;
  /**
   * The address by which the device knows the byte at `offset`, that many bytes behind that of the first
   * one; exact, below 2^53.
   */
  deviceAddress(offset: number): number;
}

/**
 * Plain memory as a region, for drivers whose device is software that copies frames, and for tests.
 * The device address of a byte is its offset.
 *
 * The arrays begin empty, not as undefined, so that V8 knows what they are.
 */
export class PlainRegion implements DmaRegion {
  /** Bytes in all. */
  readonly byteLength: number;
  /** The region by bytes. */
  readonly u8: Uint8Array = new Uint8Array(0);
  /** The region by 16 bits. */
  readonly u16: Uint16Array = new Uint16Array(0);
  /** The region by 32 bits. */
  readonly u32: Uint32Array = new Uint32Array(0);

  /** Makes a zeroed region of `byteLength` bytes, a multiple of 4. */
  constructor(byteLength: number) {
    const buffer = new ArrayBuffer(byteLength);
    this.byteLength = byteLength;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** The offset itself. */
  deviceAddress(offset: number): number {
    return offset;
  }
}
