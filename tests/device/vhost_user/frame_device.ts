import { BackEndError } from "./back_end_error.ts";
import type { DeviceRing } from "./device_ring.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** struct virtio_net_hdr with VERSION_1 (virtio 1.2 §5.1.6), and its last field. */
export const NET_HEADER_BYTES = 12;
const NUM_BUFFERS = 10;

/** Looks at the ring for the rest of a frame's buffers: some tens of milliseconds. */
const LOOKS_MAX = 10_000_000;

/**
 * Whole frames into and out of a driver's rings, whatever their buffers are like: chains, tables,
 * mergeable buffers, odd addresses. It copies and allocates: for frames that are rare.
 */
export class FrameDevice {
  readonly #memory: GuestMemory;
  readonly #mergeable: boolean;

  constructor(memory: GuestMemory, mergeable: boolean) {
    this.#memory = memory;
    this.#mergeable = mergeable;
  }

  /**
   * Puts a frame into the next buffers of a receive queue, of which {@link DeviceRing.ready} has seen
   * one, and gives them back; {@link DeviceRing.publish} is left to do. {@link BackEndError} when they
   * are too small.
   */
  deliver(ring: DeviceRing, frame: Uint8Array): void {
    ring.next();
    this.putIntoTaken(ring, frame);
  }

  /** The same, beginning with the buffer that was taken last. */
  putIntoTaken(ring: DeviceRing, frame: Uint8Array): void {
    const packet = new Uint8Array(NET_HEADER_BYTES + frame.length);
    packet.set(frame, NET_HEADER_BYTES);
    const at = this.#numBuffersAt(ring);
    let put = 0;
    for (let buffers = 1;; buffers++) {
      const length = this.#fill(ring, packet, put);
      put += length;
      // The driver sees none of them before the next publish.
      this.#memory.u8[at] = buffers & 0xff;
      this.#memory.u8[at + 1] = buffers >>> 8;
      ring.use(length);
      if (put === packet.length) return;
      if (!this.#mergeable) {
        throw new BackEndError(`a frame of ${frame.length} bytes doesn't fit: ${put} bytes did`);
      }
      for (let looks = 0; !ring.ready(); looks++) {
        if (looks === LOOKS_MAX) throw new BackEndError(`no buffer for the rest of a frame`);
      }
      ring.next();
    }
  }

  /** The frame in the buffer of a transmit queue that was taken last: a copy, without header. */
  taken(ring: DeviceRing): Uint8Array<ArrayBuffer> {
    const { pieces, readable, offsets, lengths } = ring;
    if (readable !== pieces) {
      throw new BackEndError("a frame to send has descriptors to be written");
    }
    let total = 0;
    for (let i = 0; i < pieces; i++) total += lengths[i];
    if (total < NET_HEADER_BYTES) throw new BackEndError(`a frame to send has ${total} bytes`);
    const packet = new Uint8Array(total);
    let at = 0;
    for (let i = 0; i < pieces; i++) {
      packet.set(this.#memory.u8.subarray(offsets[i], offsets[i] + lengths[i]), at);
      at += lengths[i];
    }
    return packet.slice(NET_HEADER_BYTES);
  }

  /** The header is in one piece, as all drivers have it; written below by bytes, so at any address. */
  #numBuffersAt(ring: DeviceRing): number {
    if (ring.length >= NET_HEADER_BYTES) return ring.offset + NUM_BUFFERS;
    throw new BackEndError(`the first piece of a buffer has ${ring.length} bytes`);
  }

  /** Copies what fits from `from` on into the buffer that was taken last: how many bytes. */
  #fill(
    { pieces, readable, offsets, lengths }: DeviceRing,
    packet: Uint8Array,
    from: number,
  ): number {
    if (readable !== 0) throw new BackEndError("a buffer to receive has descriptors to be read");
    let at = from;
    for (let i = 0; i < pieces && at < packet.length; i++) {
      const length = Math.min(lengths[i], packet.length - at);
      this.#memory.u8.set(packet.subarray(at, at + length), offsets[i]);
      at += length;
    }
    return at - from;
  }
}
