import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { PlainRegion } from "../../netdev/dma_region.ts";
import type { PartnerRing, SentFrameHandler } from "./echo_partner.ts";
import type { FrameImages } from "./frame_images.ts";
import { HDR_BYTES } from "./virtio_net_model.ts";

/** The device's side of a split virtqueue (virtio 1.2 §2.7), used in order, one descriptor each. */
export class SplitPartnerRing implements PartnerRing {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #mask: number;
  readonly #descriptors32: number;
  readonly #availIndex16: number;
  readonly #availRing16: number;
  readonly #usedIndex16: number;
  readonly #usedRing32: number;
  readonly #availEvent16: number;
  #index = 0;

  constructor(region: PlainRegion, addresses: VirtqueueAddresses) {
    const { size, descriptorArea, driverArea, deviceArea } = addresses;
    this.#u8 = region.u8;
    this.#u16 = region.u16;
    this.#u32 = region.u32;
    this.#mask = size - 1;
    this.#descriptors32 = descriptorArea >>> 2;
    this.#availIndex16 = (driverArea + 2) >>> 1;
    this.#availRing16 = (driverArea + 4) >>> 1;
    this.#usedIndex16 = (deviceArea + 2) >>> 1;
    this.#usedRing32 = (deviceArea + 4) >>> 2;
    this.#availEvent16 = (deviceArea + 4 + 8 * size) >>> 1;
  }

  /** Fills `count` buffers. */
  receive(count: number, images: FrameImages): void {
    if (this.#available() < count) throw new Error(`the driver has posted less than ${count}`);
    const u32 = this.#u32;
    const image32 = images.u32;
    let next = images.next;
    for (let i = 0; i < count; i++) {
      const head = this.#u16[this.#availRing16 + (this.#index & this.#mask)];
      const buffer = u32[this.#descriptors32 + 4 * head];
      const length = images.lengths[next];
      if (length + 4 > u32[this.#descriptors32 + 4 * head + 2]) throw new Error("too long a frame");
      // A half word and then whole ones: it may write 3 bytes more, as a device may.
      let from = next * images.stride;
      this.#u16[buffer >>> 1] = image32[from++] >>> 16;
      const end = (buffer + length + 3) >>> 2;
      for (let to = (buffer + 2) >>> 2; to < end; to++) u32[to] = image32[from++];
      this.#use(head, length);
      next = next + 1 === images.lengths.length ? 0 : next + 1;
    }
    images.next = next;
    this.#publish();
  }

  /** Gives back all buffers that are posted, and says how many. */
  transmit(): number {
    const count = this.#available();
    for (let i = 0; i < count; i++) {
      this.#use(this.#u16[this.#availRing16 + (this.#index & this.#mask)], 0);
    }
    this.#publish();
    return count;
  }

  /** Shows the frames that are posted. */
  peek(onFrame: SentFrameHandler): void {
    for (let i = 0, count = this.#available(); i < count; i++) {
      const head = this.#u16[this.#availRing16 + (this.#index + i & this.#mask)];
      const buffer = this.#u32[this.#descriptors32 + 4 * head];
      const length = this.#u32[this.#descriptors32 + 4 * head + 2];
      onFrame(this.#u8.subarray(buffer + HDR_BYTES, buffer + length));
    }
  }

  #available(): number {
    return (Atomics.load(this.#u16, this.#availIndex16) - this.#index) & 0xffff;
  }

  #use(head: number, length: number): void {
    const element = this.#usedRing32 + 2 * (this.#index & this.#mask);
    this.#u32[element] = head;
    this.#u32[element + 1] = length;
    this.#index = (this.#index + 1) & 0xffff;
  }

  /** Shows what was used; the next buffer that is posted shall be told of (§2.7.10). */
  #publish(): void {
    this.#u16[this.#availEvent16] = this.#index;
    Atomics.store(this.#u16, this.#usedIndex16, this.#index);
  }
}
