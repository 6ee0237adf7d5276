/** The pieces of one buffer, in order, until its descriptors are written. In private memory. */
export class StagedPieces {
  /** Byte offsets in the region. */
  readonly offsets: Float64Array = new Float64Array(0);
  readonly lengths: Uint32Array = new Uint32Array(0);
  /** 1 for a piece that the device writes, 0 for one that it reads. */
  readonly deviceWrites: Uint8Array = new Uint8Array(0);
  count = 0;
  /** Bytes in all that the device may write. */
  writable = 0;

  /** For buffers of up to `max` pieces. */
  constructor(max: number) {
    this.offsets = new Float64Array(max);
    this.lengths = new Uint32Array(max);
    this.deviceWrites = new Uint8Array(max);
  }

  /** Adds a piece; there must be room. */
  add(offset: number, length: number, deviceWrites: boolean): void {
    const { count } = this;
    this.offsets[count] = offset;
    this.lengths[count] = length;
    this.deviceWrites[count] = deviceWrites ? 1 : 0;
    if (deviceWrites) this.writable += length;
    this.count = count + 1;
  }

  /** Forgets them all. */
  clear(): void {
    this.count = 0;
    this.writable = 0;
  }
}
