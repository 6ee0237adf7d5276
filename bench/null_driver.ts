import type { EchoPartner } from "../tests/device/echo_partner.ts";
import type { VirtqueueAddresses } from "../drivers/virtio/virtio_transport.ts";

const BUFFER_BYTES = 2048;

/** Where the Ethernet header is to stand, 2 mod 4, with a virtio_net_hdr of 12 bytes in front. */
const FIRST_BYTE = 64 + 2 - 12;

/** VIRTQ_DESC_F_WRITE (virtio 1.2 §2.7.5). */
const VIRTQ_DESC_F_WRITE = 2;

/**
 * What stands in for a driver when the device is measured alone: all buffers were posted once, and
 * a turn moves the two available indices on, so that the device finds as many buffers as with a
 * driver and touches the same memory.
 */
export class NullDriver {
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

  /** Sends `count` buffers, and posts as many for receiving. */
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
