import { BackEndError } from "./back_end_error.ts";
import { BufferPieces } from "./buffer_pieces.ts";
import type { DeviceRing, DeviceRingPlace } from "./device_ring.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** Virtio 1.2 §2.7.5, descriptor flags. */
const VIRTQ_DESC_F_NEXT = 1;
const VIRTQ_DESC_F_INDIRECT = 4;
const DESCRIPTOR_BYTES = 16;

/** VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY (virtio 1.2 §2.7.6, §2.7.8). */
const NO_INTERRUPT = 1;
const NO_NOTIFY = 1;

/** The device's side of a split virtqueue (virtio 1.2 §2.7) in shared memory. */
export class SplitDeviceRing implements DeviceRing {
  readonly size: number = 0;
  pieces = 0;
  readable = 0;
  offset = 0;
  length = 0;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #buffer: BufferPieces;
  readonly #descriptors32: number = 0;
  readonly #mask: number = 0;
  readonly #eventIndex: boolean = false;
  /** Element numbers, by 16 and by 32 bits, of the parts of the two rings. */
  readonly #availFlags16: number = 0;
  readonly #availIndex16: number = 0;
  readonly #availRing16: number = 0;
  readonly #usedEvent16: number = 0;
  readonly #usedFlags16: number = 0;
  readonly #usedIndex16: number = 0;
  readonly #usedRing32: number = 0;
  readonly #availEvent16: number = 0;
  /** The buffer that was taken last, and how many more are known to be there. */
  #head = 0;
  #seen = 0;
  /** Indices, modulo 2^16. */
  #taken = 0;
  #used = 0;
  #published = 0;

  /** {@link BackEndError} for a size that is no power of two. */
  constructor(memory: GuestMemory, place: DeviceRingPlace) {
    const { size, driverArea, deviceArea } = place;
    if (size < 1 || size > 32768 || (size & (size - 1)) !== 0) {
      throw new BackEndError(`a split ring can't have ${size} entries`);
    }
    this.size = size;
    this.#mask = size - 1;
    this.#u16 = memory.u16;
    this.#u32 = memory.u32;
    this.#eventIndex = place.eventIndex;
    this.#buffer = new BufferPieces(memory);
    this.offsets = this.#buffer.offsets;
    this.lengths = this.#buffer.lengths;
    this.#descriptors32 = place.descriptors >>> 2;
    this.#availFlags16 = driverArea >>> 1;
    this.#availIndex16 = this.#availFlags16 + 1;
    this.#availRing16 = this.#availFlags16 + 2;
    this.#usedEvent16 = this.#availRing16 + size;
    this.#usedFlags16 = deviceArea >>> 1;
    this.#usedIndex16 = this.#usedFlags16 + 1;
    this.#usedRing32 = (deviceArea + 4) >>> 2;
    this.#availEvent16 = this.#usedFlags16 + 2 + 4 * size;
    // A back-end that died gave no base: what it used is in the ring, what it had taken is lost.
    const used = Atomics.load(this.#u16, this.#usedIndex16);
    this.#taken = used === (place.base & 0xffff) ? place.base & 0xffff : used;
    this.#used = this.#taken;
    this.#published = this.#taken;
    this.wantKicks(false);
  }

  ready(): boolean {
    if (this.#seen > 0) return true;
    const seen = (Atomics.load(this.#u16, this.#availIndex16) - this.#taken) & 0xffff;
    if (seen > this.size) {
      throw new BackEndError(`${seen} buffers became available in a ring of ${this.size}`);
    }
    this.#seen = seen;
    return seen > 0;
  }

  next(): void {
    const head = this.#u16[this.#availRing16 + (this.#taken & this.#mask)];
    if (head >= this.size) throw outside(head, this.size);
    this.#taken = (this.#taken + 1) & 0xffff;
    this.#seen--;
    this.#head = head;
    const word = this.#descriptors32 + 4 * head;
    const flags = this.#u32[word + 3];
    const buffer = this.#buffer;
    if ((flags & (VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT)) === 0) buffer.setOnly(word, flags);
    else this.#walk(head, word, flags);
    this.pieces = buffer.pieces;
    this.readable = buffer.readable;
    this.offset = buffer.offsets[0];
    this.length = buffer.lengths[0];
  }

  use(length: number): void {
    const element = this.#usedRing32 + 2 * (this.#used & this.#mask);
    this.#u32[element] = this.#head;
    this.#u32[element + 1] = length;
    this.#used = (this.#used + 1) & 0xffff;
  }

  publish(): boolean {
    const before = this.#published;
    const used = this.#used;
    if (before === used) return false;
    this.#published = used;
    Atomics.store(this.#u16, this.#usedIndex16, used);
    if (!this.#eventIndex) {
      return (Atomics.load(this.#u16, this.#availFlags16) & NO_INTERRUPT) === 0;
    }
    const event = Atomics.load(this.#u16, this.#usedEvent16);
    return ((used - event - 1) & 0xffff) < ((used - before) & 0xffff);
  }

  wantKicks(on: boolean): void {
    if (!this.#eventIndex) {
      Atomics.store(this.#u16, this.#usedFlags16, on ? 0 : NO_NOTIFY);
      return;
    }
    // The one before the next is passed only after another 65,535.
    const event = this.#taken + this.#seen + (on ? 0 : 0xffff);
    Atomics.store(this.#u16, this.#availEvent16, event & 0xffff);
  }

  get base(): number {
    return this.#taken;
  }

  /** Follows a chain, in the ring's table or in one of its own (§2.7.5.3). */
  #walk(head: number, word: number, flags: number): void {
    this.#buffer.clear();
    if ((flags & VIRTQ_DESC_F_INDIRECT) === 0) {
      this.#chain(this.#descriptors32, this.size, head);
      return;
    }
    const bytes = this.#u32[word + 2];
    this.#chain(this.#buffer.table32(word, bytes), bytes / DESCRIPTOR_BYTES, 0);
  }

  #chain(first32: number, size: number, head: number): void {
    // A chain with a loop ends at PIECES_MAX.
    for (let index = head;;) {
      if (index >= size) throw outside(index, size);
      const word = first32 + 4 * index;
      const flags = this.#u32[word + 3];
      this.#buffer.add(word, flags);
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return;
      index = flags >>> 16;
    }
  }
}

function outside(descriptor: number, size: number): BackEndError {
  return new BackEndError(`descriptor ${descriptor} is not in a table of ${size}`);
}
