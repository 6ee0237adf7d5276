import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { PlainRegion } from "../../netdev/dma_region.ts";
import type { PartnerRing, SentFrameHandler } from "./echo_partner.ts";
import type { FrameImages } from "./frame_images.ts";
import { HDR_BYTES } from "./virtio_net_model.ts";

/** Flags of a descriptor (virtio 1.2 §2.8.1), in its last word. */
const NEXT = 1 << 16;
const AVAIL = 1 << 23;
const USED = 1 << 31;
const BOTH = AVAIL | USED;

/** The device's side of a packed virtqueue (virtio 1.2 §2.8), used in order. */
export class PackedPartnerRing implements PartnerRing {
  readonly #u8: Uint8Array = new Uint8Array(0);
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #size: number = 0;
  readonly #descriptors32: number = 0;
  #slot = 0;
  /** Flags of a descriptor that is available, in this lap. */
  #ready = AVAIL;
  /** The first used descriptor of a burst, which is shown last. */
  #firstWord = 0;
  #firstLast = 0;

  constructor(region: PlainRegion, addresses: VirtqueueAddresses) {
    this.#u8 = region.u8;
    this.#u16 = region.u16;
    this.#u32 = region.u32;
    this.#size = addresses.size;
    this.#descriptors32 = addresses.descriptorArea >>> 2;
  }

  receive(count: number, images: FrameImages): void {
    const u32 = this.#u32;
    const image32 = images.u32;
    let next = images.next;
    for (let i = 0; i < count; i++) {
      const word = this.#descriptors32 + 4 * this.#slot;
      if ((u32[word + 3] & BOTH) !== this.#ready) throw new Error("the driver has posted too few");
      const buffer = u32[word];
      const length = images.lengths[next];
      if (length + 4 > u32[word + 2]) throw new Error("too long a frame");
      // A half word and then whole ones: it may write 3 bytes more, as a device may.
      let from = next * images.stride;
      this.#u16[buffer >>> 1] = image32[from++] >>> 16;
      const end = (buffer + length + 3) >>> 2;
      for (let to = (buffer + 2) >>> 2; to < end; to++) u32[to] = image32[from++];
      this.#use(word, length, 1, i === 0);
      next = next + 1 === images.lengths.length ? 0 : next + 1;
    }
    images.next = next;
    if (count > 0) Atomics.store(u32, this.#firstWord, this.#firstLast);
  }

  transmit(): number {
    const u32 = this.#u32;
    let count = 0;
    // A full ring would look as if it went on being available: what was used first is shown last.
    for (let left = this.#size; left > 0;) {
      const word = this.#descriptors32 + 4 * this.#slot;
      if ((u32[word + 3] & BOTH) !== this.#ready) break;
      const descriptors = this.#chainLength(this.#slot);
      this.#use(word, 0, descriptors, count === 0);
      left -= descriptors;
      count++;
    }
    if (count > 0) Atomics.store(u32, this.#firstWord, this.#firstLast);
    return count;
  }

  peek(onFrame: SentFrameHandler): void {
    let slot = this.#slot;
    let ready = this.#ready;
    for (let left = this.#size; left > 0; left--) {
      const word = this.#descriptors32 + 4 * slot;
      if ((this.#u32[word + 3] & BOTH) !== ready) return;
      const buffer = this.#u32[word];
      onFrame(this.#u8.subarray(buffer + HDR_BYTES, buffer + this.#u32[word + 2]));
      slot = slot + 1 === this.#size ? 0 : slot + 1;
      if (slot === 0) ready ^= BOTH;
    }
  }

  #chainLength(slot: number): number {
    let count = 1;
    while ((this.#u32[this.#descriptors32 + 4 * slot + 3] & NEXT) !== 0) {
      slot = slot + 1 === this.#size ? 0 : slot + 1;
      count++;
    }
    return count;
  }

  /** Writes over the descriptor. The id of a chain is in its last one, and this driver's in each. */
  #use(word: number, length: number, descriptors: number, isFirst: boolean): void {
    const id = this.#u32[word + 3] & 0xffff;
    const last = id | (this.#ready === AVAIL ? BOTH : 0);
    this.#u32[word + 2] = length;
    if (isFirst) {
      this.#firstWord = word + 3;
      this.#firstLast = last;
    } else {
      this.#u32[word + 3] = last;
    }
    this.#slot += descriptors;
    if (this.#slot < this.#size) return;
    this.#slot -= this.#size;
    this.#ready ^= BOTH;
  }
}
