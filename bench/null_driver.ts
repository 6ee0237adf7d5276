import type { EchoPartner } from "../tests/device/echo_partner.ts";
import type { VirtqueueAddresses } from "../drivers/virtio/virtio_transport.ts";

const BUFFER_BYTES = 2048;

/** Where the Ethernet header is to stand, 2 mod 4, with a virtio_net_hdr of 12 bytes in front. */
const FIRST_BYTE = 64 + 2 - 12;

/** VIRTQ_DESC_F_WRITE (virtio 1.2 §2.7.5). */
const VIRTQ_DESC_F_WRITE = 2;

/** Moves buffers on without looking at them, for a device to be measured alone. */
export interface NullDriver {
  /** Sends `count` buffers, and posts as many for receiving. */
  turn(count: number): void;
}

/** The one for the partner's rings. */
export function nullDriver(partner: EchoPartner): NullDriver {
  return partner.ring === "packed" ? new PackedNullDriver(partner) : new SplitNullDriver(partner);
}

/**
 * What stands in for a driver when the device is measured alone: all buffers were posted once, and
 * a turn moves the two available indices on, so that the device finds as many buffers as with a
 * driver and touches the same memory.
 */
class SplitNullDriver implements NullDriver {
  readonly #u16: Uint16Array;
  readonly #rxIndex16: number;
  readonly #txIndex16: number;
  #rxIndex = 0;
  #txIndex = 0;

  constructor(partner: EchoPartner) {
    this.#u16 = partner.region.u16;
    this.#rxIndex16 = (this.#post(partner, 0) + 2) >>> 1;
    this.#txIndex16 = (this.#post(partner, 1) + 2) >>> 1;
    this.#rxIndex = partner.queueSizeMax(0);
    Atomics.store(this.#u16, this.#rxIndex16, this.#rxIndex);
  }

  turn(count: number): void {
    this.#txIndex = (this.#txIndex + count) & 0xffff;
    Atomics.store(this.#u16, this.#txIndex16, this.#txIndex);
    this.#rxIndex = (this.#rxIndex + count) & 0xffff;
    Atomics.store(this.#u16, this.#rxIndex16, this.#rxIndex);
  }

  /** Fills the rings of a queue, and returns where its driver area is. */
  #post(partner: EchoPartner, index: number): number {
    const { dma, region } = partner;
    const size = partner.queueSizeMax(index);
    const addresses: VirtqueueAddresses = {
      size,
      descriptorArea: dma.alloc(16 * size, 64),
      driverArea: dma.alloc(6 + 2 * size, 64),
      deviceArea: dma.alloc(6 + 8 * size, 64),
    };
    for (let head = 0; head < size; head++) {
      const word = addresses.descriptorArea / 4 + 4 * head;
      region.u32[word] = dma.alloc(BUFFER_BYTES, 64) + FIRST_BYTE;
      region.u32[word + 2] = BUFFER_BYTES - FIRST_BYTE;
      region.u32[word + 3] = index === 0 ? VIRTQ_DESC_F_WRITE : 0;
      region.u16[addresses.driverArea / 2 + 2 + head] = head;
    }
    partner.queueEnable(index, addresses);
    return addresses.driverArea;
  }
}

/** Descriptor flags of a packed ring (§2.8.1), in the upper half of the last word. */
const PACKED_WRITE = 2 << 16;
const PACKED_AVAIL = 1 << 23;
const PACKED_USED = 1 << 31;

/** The same with packed rings: a turn makes the next descriptors available again. */
class PackedNullDriver implements NullDriver {
  readonly #tx: PackedNullRing;
  readonly #rx: PackedNullRing;

  constructor(partner: EchoPartner) {
    this.#rx = new PackedNullRing(partner, 0, PACKED_WRITE);
    this.#tx = new PackedNullRing(partner, 1, 0);
    this.#rx.post(partner.queueSizeMax(0));
  }

  turn(count: number): void {
    this.#tx.post(count);
    this.#rx.post(count);
  }
}

class PackedNullRing {
  readonly #u32: Uint32Array;
  readonly #size: number;
  readonly #first32: number;
  readonly #flags: number;
  #slot = 0;
  #avail = PACKED_AVAIL;

  constructor(partner: EchoPartner, index: number, flags: number) {
    const { dma, region } = partner;
    const size = partner.queueSizeMax(index);
    const descriptorArea = dma.alloc(16 * size, 64);
    this.#u32 = region.u32;
    this.#size = size;
    this.#first32 = descriptorArea / 4;
    this.#flags = flags;
    for (let slot = 0; slot < size; slot++) {
      region.u32[this.#first32 + 4 * slot] = dma.alloc(BUFFER_BYTES, 64) + FIRST_BYTE;
    }
    const driverArea = dma.alloc(4, 64);
    const deviceArea = dma.alloc(4, 64);
    partner.queueEnable(index, { size, descriptorArea, driverArea, deviceArea });
  }

  post(count: number): void {
    let first = 0;
    let firstLast = 0;
    for (let i = 0; i < count; i++) {
      const word = this.#first32 + 4 * this.#slot;
      const last = this.#slot | this.#flags | this.#avail;
      this.#u32[word + 2] = BUFFER_BYTES - FIRST_BYTE;
      if (i === 0) {
        first = word + 3;
        firstLast = last;
      } else {
        this.#u32[word + 3] = last;
      }
      this.#slot = this.#slot + 1 === this.#size ? 0 : this.#slot + 1;
      if (this.#slot === 0) this.#avail ^= PACKED_AVAIL | PACKED_USED;
    }
    if (count > 0) Atomics.store(this.#u32, first, firstLast);
  }
}
