import { PlainRegion } from "../../netdev/dma_region.ts";

/** Above 4 GiB, so that both halves of an address count and none is mistaken for an offset. */
const IOVA_BASE = 0x2_3000_0000;

/** Memory that the device knows by other addresses than we do, as behind an IOMMU. */
export class IovaRegion extends PlainRegion {
  override deviceAddress(offset: number): number {
    return IOVA_BASE + offset;
  }

  /**
   * The offset of what the device reaches at `address`; throws where an IOMMU would fault, and when the
   * address isn't a multiple of `align`.
   */
  offsetOf(address: number, length: number, align = 1): number {
    if (address % align !== 0) throw new Error(`${address} is not aligned to ${align}`);
    const offset = address - IOVA_BASE;
    if (offset >= 0 && offset + length <= this.byteLength) return offset;
    throw new Error(`the device was sent to 0x${address.toString(16)}, outside its memory`);
  }
}
