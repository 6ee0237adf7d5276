import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { Mapping } from "../ffi/mapping.ts";

/**
 * Memory for a device that no IOMMU translates for: one piece in the machine as well as in this
 * process, where the device address of a byte is its physical address.
 *
 * The arrays begin empty, not as undefined, so that V8 knows what they are.
 */
export class PhysicalRegion implements DmaRegion, Disposable {
  readonly byteLength: number;
  readonly u8: Uint8Array = new Uint8Array(0);
  readonly u16: Uint16Array = new Uint16Array(0);
  readonly u32: Uint32Array = new Uint32Array(0);
  readonly #mapping: Mapping;
  readonly #address: number;

  /**
   * The `byteLength` bytes at `offset` of a mapping, which lie behind each other from the physical
   * `address` on. The mapping is the region's from now on.
   */
  constructor(mapping: Mapping, offset: number, byteLength: number, address: number) {
    const { buffer } = mapping.u8;
    this.#mapping = mapping;
    this.#address = address;
    this.byteLength = byteLength;
    this.u8 = new Uint8Array(buffer, offset, byteLength);
    this.u16 = new Uint16Array(buffer, offset, byteLength / 2);
    this.u32 = new Uint32Array(buffer, offset, byteLength / 4);
  }

  deviceAddress(offset: number): number {
    return this.#address + offset;
  }

  /** Gives the memory back. No device may reach it any more. */
  [Symbol.dispose](): void {
    this.#mapping[Symbol.dispose]();
  }
}
