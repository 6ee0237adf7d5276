import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import {
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from "./descriptor_flags.ts";
import type { IovaRegion } from "./iova_region.ts";
import type { AvailableBuffer, BufferPiece, RingDevice, RingDeviceOptions } from "./ring_device.ts";

/**
 * The device's side of a split virtqueue (virtio 1.2 §2.7). It reads what the driver wrote, throws
 * when that breaks a rule, and writes used elements as it is told: rightly by {@link use}, or
 * wrongly by {@link put} and {@link showIndex} with whatever a test thinks up.
 */
export class SplitRingDevice implements RingDevice {
  readonly size: number;
  /** Used elements written so far, modulo 2^16; {@link show} lets the driver see them. */
  written = 0;
  readonly #region: IovaRegion;
  readonly #eventIndex: boolean;
  readonly #indirect: boolean;
  readonly #inOrder: boolean;
  /** Byte offsets of the three parts in the region. */
  readonly #descriptors: number;
  readonly #avail: number;
  readonly #used: number;
  #taken = 0;
  #shown = 0;
  /** In order: the descriptor that the next chain must begin with. */
  #nextHead = 0;

  constructor(
    region: IovaRegion,
    addresses: VirtqueueAddresses,
    eventIndex: boolean,
    { indirect = false, inOrder = false }: RingDeviceOptions = {},
  ) {
    const { size } = addresses;
    this.size = size;
    this.#region = region;
    this.#eventIndex = eventIndex;
    this.#indirect = indirect;
    this.#inOrder = inOrder;
    // §2.7: alignment and length of each part.
    this.#descriptors = region.offsetOf(addresses.descriptorArea, 16 * size, 16);
    this.#avail = region.offsetOf(addresses.driverArea, 6 + 2 * size, 2);
    this.#used = region.offsetOf(addresses.deviceArea, 6 + 8 * size, 4);
  }

  /** The driver's index: where it puts the next buffer. */
  get availIndex(): number {
    return this.#u16(this.#avail + 2);
  }

  /** The driver's flags, VIRTQ_AVAIL_F_NO_INTERRUPT. */
  get availFlags(): number {
    return this.#u16(this.#avail);
  }

  /** At which used element the driver wants to hear of it (§2.7.7). */
  get usedEvent(): number {
    return this.#u16(this.#avail + 4 + 2 * this.size);
  }

  /** Buffers that are available and weren't taken yet. */
  get available(): number {
    const count = (this.availIndex - this.#taken) & 0xffff;
    if (count > this.size) throw new Error(`${count} buffers in a ring of ${this.size}`);
    return count;
  }

  /** Takes the next available buffer, null when there is none. */
  take(): AvailableBuffer | null {
    if (this.available === 0) return null;
    const head = this.#u16(this.#avail + 4 + 2 * (this.#taken % this.size));
    this.#taken = (this.#taken + 1) & 0xffff;
    const buffer = this.#buffer(head);
    // §2.7.5.1: descriptors in the order of the table, around and around.
    if (this.#inOrder && head !== this.#nextHead) {
      throw new Error(`head ${head} in place of ${this.#nextHead}`);
    }
    this.#nextHead = (head + buffer.descriptors) % this.size;
    return buffer;
  }

  /** Gives a buffer back, into which `length` bytes were written; whether to interrupt for it. */
  use(head: number, length: number): boolean {
    this.put(head, length);
    return this.show();
  }

  /** Writes the next used element without letting the driver see it. */
  put(id: number, length: number): void {
    const element = (this.#used + 4 + 8 * (this.written % this.size)) >>> 2;
    this.#region.u32[element] = id;
    this.#region.u32[element + 1] = length;
    this.written = (this.written + 1) & 0xffff;
  }

  putBatch(heads: readonly number[], length: number): void {
    if (!this.#inOrder) throw new Error("a batch is for VIRTIO_F_IN_ORDER");
    this.put(heads[heads.length - 1], length);
    this.written = (this.written + heads.length - 1) & 0xffff;
  }

  /** Lets the driver see what was put; whether it wants to be interrupted for it (§2.7.7.2). */
  show(): boolean {
    let interrupt = !this.#eventIndex && (this.availFlags & 1) === 0 &&
      this.#shown !== this.written;
    for (; this.#shown !== this.written; this.#shown = (this.#shown + 1) & 0xffff) {
      if (this.#eventIndex && this.#shown === this.usedEvent) interrupt = true;
    }
    this.showIndex(this.written);
    return interrupt;
  }

  /** Writes the used index, be it right or not. */
  showIndex(index: number): void {
    Atomics.store(this.#region.u16, (this.#used + 2) >>> 1, index);
  }

  /** Asks to be notified of the next available buffer, or not to be for a long time (§2.7.10). */
  wantKicks(on: boolean): void {
    if (this.#eventIndex) this.setAvailEvent((on ? this.#taken : this.#taken - 1) & 0xffff);
    else this.setUsedFlags(on ? 0 : 1);
  }

  /** Writes avail_event. */
  setAvailEvent(event: number): void {
    this.#region.u16[(this.#used + 4 + 8 * this.size) >>> 1] = event;
  }

  /** Writes the device's flags, VIRTQ_USED_F_NO_NOTIFY. */
  setUsedFlags(flags: number): void {
    this.#region.u16[this.#used >>> 1] = flags;
  }

  /** Overwrites the whole descriptor table, which a device must not do (§2.7.5.1). */
  scribbleDescriptors(byte: number): void {
    this.#region.u8.fill(byte, this.#descriptors, this.#descriptors + 16 * this.size);
  }

  #buffer(head: number): AvailableBuffer {
    if (head >= this.size) throw new Error(`descriptor ${head} in a table of ${this.size}`);
    const word = (this.#descriptors + 16 * head) >>> 2;
    const flags = this.#region.u32[word + 3] & 0xffff;
    if ((flags & VIRTQ_DESC_F_INDIRECT) === 0) {
      const pieces = this.#chain(this.#descriptors, this.size, head);
      return { head, pieces, descriptors: pieces.length };
    }
    if (!this.#indirect || flags !== VIRTQ_DESC_F_INDIRECT) {
      throw new Error(`descriptor ${head} has flags ${flags} (§2.7.5.3.1)`);
    }
    const { offset, length } = this.#where(word);
    if (length % 16 !== 0 || length === 0) throw new Error(`a table of ${length} bytes`);
    const pieces = this.#chain(offset, length / 16, 0);
    if (pieces.length > this.size) throw new Error(`a table of ${pieces.length} (§2.7.5.3.1)`);
    return { head, pieces, descriptors: 1 };
  }

  /** The chain from `head` on in a table of `entries` descriptors at `table`. */
  #chain(table: number, entries: number, head: number): BufferPiece[] {
    const pieces: BufferPiece[] = [];
    for (let index = head;;) {
      if (index >= entries) throw new Error(`descriptor ${index} in a table of ${entries}`);
      if (pieces.length === entries) throw new Error(`the chain at ${head} has a loop`);
      const word = (table + 16 * index) >>> 2;
      const flags = this.#region.u32[word + 3] & 0xffff;
      const deviceWrites = (flags & VIRTQ_DESC_F_WRITE) !== 0;
      if ((flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) !== 0) {
        throw new Error(`descriptor ${index} has flags ${flags}`);
      }
      const { offset, length } = this.#where(word);
      // QEMU takes a descriptor without bytes for an error, and stops the device.
      if (length === 0) throw new Error(`descriptor ${index} is empty`);
      if (pieces.at(-1)?.deviceWrites === true && !deviceWrites) {
        throw new Error(`descriptor ${index} is to be read, behind one to be written (§2.7.4.2)`);
      }
      pieces.push({ offset, length, deviceWrites });
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return pieces;
      index = this.#region.u32[word + 3] >>> 16;
      if (this.#inOrder && index !== (head + pieces.length) % entries) {
        throw new Error(`descriptor ${index} follows out of order (§2.7.5.1)`);
      }
    }
  }

  #where(word: number): { readonly offset: number; readonly length: number } {
    const { u32 } = this.#region;
    const length = u32[word + 2];
    return { offset: this.#region.offsetOf(u32[word + 1] * 2 ** 32 + u32[word], length), length };
  }

  #u16(offset: number): number {
    return Atomics.load(this.#region.u16, offset >>> 1);
  }
}
