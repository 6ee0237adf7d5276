import { IovaRegion } from "./iova_region.ts";

/** Below 4 GiB, and far from any offset. */
const LOW_BASE = 0x3000_0000;

/** Memory that a device of 32 address bits reaches, by other addresses than we do. */
export class LowIovaRegion extends IovaRegion {
  override deviceAddress(offset: number): number {
    return LOW_BASE + offset;
  }

  override offsetOf(address: number, length: number): number {
    const offset = address - LOW_BASE;
    if (offset >= 0 && offset + length <= this.byteLength) return offset;
    throw new Error(`the device was sent to 0x${address.toString(16)}, outside its memory`);
  }
}
