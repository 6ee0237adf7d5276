import { BackEndError } from "./back_end_error.ts";
import { BufferPieces } from "./buffer_pieces.ts";
import type { DeviceRing, DeviceRingPlace } from "./device_ring.ts";
import type { GuestMemory } from "./guest_memory.ts";

/** Descriptor flags (virtio 1.2 §2.8.1, §2.8.6, §2.8.8), in the upper half of the last word. */
const VIRTQ_DESC_F_NEXT = 1 << 16;
const VIRTQ_DESC_F_INDIRECT = 4 << 16;
const VIRTQ_DESC_F_AVAIL = 1 << 23;
const VIRTQ_DESC_F_USED = 1 << 31;
const BOTH = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

/** Event suppression (§2.8.10): `desc_event_off:15 desc_event_wrap:1 flags:2`, in one word. */
const RING_EVENT_FLAGS_ENABLE = 0 << 16;
const RING_EVENT_FLAGS_DISABLE = 1 << 16;
const RING_EVENT_FLAGS_DESC = 2 << 16;
const RING_EVENT_FLAGS = 3 << 16;
const EVENT_WRAP = 1 << 15;
const EVENT_OFFSET = EVENT_WRAP - 1;

const DESCRIPTOR_BYTES = 16;

/**
 * The device's side of a packed virtqueue (virtio 1.2 §2.8) in shared memory. Of the descriptors that
 * go back together the first is shown last, so that the driver finds all of them.
 */
export class PackedDeviceRing implements DeviceRing {
  readonly size: number = 0;
  pieces = 0;
  readable = 0;
  offset = 0;
  length = 0;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  readonly #u32: Uint32Array = new Uint32Array(0);
  /** Signed, as a flag is bit 31. */
  readonly #i32: Int32Array = new Int32Array(0);
  readonly #buffer: BufferPieces;
  readonly #eventIndex: boolean = false;
  /** Element numbers by 32 bits. */
  readonly #descriptors32: number = 0;
  readonly #driverEvent32: number = 0;
  readonly #deviceEvent32: number = 0;
  /** Where the next buffer becomes available, and the flags that say so. */
  #slot = 0;
  #availFlags = VIRTQ_DESC_F_AVAIL;
  #seen = false;
  /** Of the buffer that was taken last: its id, and the slots it takes. */
  #id = 0;
  #slots = 0;
  /** Where the next used descriptor goes, and its flags. */
  #usedSlot = 0;
  #usedFlags = BOTH;
  /** The first one since the last publish, held back, and where that publish stopped. */
  #hiddenWord = -1;
  #hiddenLast = 0;
  #publishedSlot = 0;

  /** {@link BackEndError} for a size or a base that can't be. */
  constructor(memory: GuestMemory, place: DeviceRingPlace) {
    const { size } = place;
    const slot = place.base & EVENT_OFFSET;
    if (size < 1 || size > 32768) {
      throw new BackEndError(`a packed ring can't have ${size} entries`);
    }
    if (slot >= size) throw new BackEndError(`base ${slot} is not in a packed ring of ${size}`);
    this.size = size;
    this.#u32 = memory.u32;
    this.#i32 = memory.i32;
    this.#buffer = new BufferPieces(memory);
    this.offsets = this.#buffer.offsets;
    this.lengths = this.#buffer.lengths;
    this.#eventIndex = place.eventIndex;
    this.#descriptors32 = place.descriptors >>> 2;
    this.#driverEvent32 = place.driverArea >>> 2;
    this.#deviceEvent32 = place.deviceArea >>> 2;
    const wrap = (place.base & EVENT_WRAP) !== 0;
    this.#slot = slot;
    this.#availFlags = wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
    this.#usedSlot = slot;
    this.#usedFlags = wrap ? BOTH : 0;
    this.#publishedSlot = slot;
    this.wantKicks(false);
  }

  ready(): boolean {
    if (this.#seen) return true;
    const last = Atomics.load(this.#i32, this.#descriptors32 + 4 * this.#slot + 3);
    this.#seen = (last & BOTH) === this.#availFlags;
    return this.#seen;
  }

  next(): void {
    const buffer = this.#buffer;
    const word = this.#descriptors32 + 4 * this.#slot;
    const last = this.#i32[word + 3];
    if ((last & (VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_INDIRECT)) === 0) {
      buffer.setOnly(word, last >>> 16);
      this.#id = last & 0xffff;
      this.#slots = 1;
      this.#advance();
    } else {
      this.#walk();
    }
    this.pieces = buffer.pieces;
    this.readable = buffer.readable;
    this.offset = buffer.offsets[0];
    this.length = buffer.lengths[0];
    // A look at the next one costs nothing, where ready() has to be sure.
    const next = this.#i32[this.#descriptors32 + 4 * this.#slot + 3];
    this.#seen = (next & BOTH) === this.#availFlags;
  }

  use(length: number): void {
    const word = this.#descriptors32 + 4 * this.#usedSlot;
    this.#u32[word + 2] = length;
    const last = this.#id | this.#usedFlags;
    if (this.#hiddenWord < 0) {
      this.#hiddenWord = word + 3;
      this.#hiddenLast = last;
    } else {
      this.#i32[word + 3] = last;
    }
    this.#usedSlot += this.#slots;
    if (this.#usedSlot < this.size) return;
    this.#usedSlot -= this.size;
    this.#usedFlags ^= BOTH;
  }

  publish(): boolean {
    if (this.#hiddenWord < 0) return false;
    Atomics.store(this.#i32, this.#hiddenWord, this.#hiddenLast);
    this.#hiddenWord = -1;
    const before = this.#publishedSlot;
    this.#publishedSlot = this.#usedSlot;
    const event = Atomics.load(this.#i32, this.#driverEvent32);
    const flags = event & RING_EVENT_FLAGS;
    if (flags === RING_EVENT_FLAGS_DISABLE) return false;
    if (flags !== RING_EVENT_FLAGS_DESC || !this.#eventIndex) return true;
    return this.#passed(event, before);
  }

  wantKicks(on: boolean): void {
    let event = RING_EVENT_FLAGS_DISABLE;
    if (on && this.#eventIndex) event = RING_EVENT_FLAGS_DESC | this.base & 0xffff;
    else if (on) event = RING_EVENT_FLAGS_ENABLE;
    Atomics.store(this.#i32, this.#deviceEvent32, event);
  }

  /** The wrap counter is bit 15; both halves are alike, as buffers go back at once. */
  get base(): number {
    const wrap = this.#availFlags === VIRTQ_DESC_F_AVAIL ? EVENT_WRAP : 0;
    return ((this.#slot | wrap) * 0x1_0001) >>> 0;
  }

  /** Whether the place where the driver wants to hear was passed since the last publish. */
  #passed(event: number, before: number): boolean {
    const used = this.#usedSlot;
    const old = used <= before ? before - this.size : before;
    const sameWrap = ((event & EVENT_WRAP) !== 0) === (this.#usedFlags !== 0);
    const at = (event & EVENT_OFFSET) - (sameWrap ? 0 : this.size);
    return ((used - at - 1) & 0xffff) < ((used - old) & 0xffff);
  }

  /** Follows a chain, of which the first descriptor was seen to be available. */
  #walk(): void {
    const buffer = this.#buffer;
    buffer.clear();
    this.#slots = 0;
    for (;;) {
      const word = this.#descriptors32 + 4 * this.#slot;
      const last = this.#i32[word + 3];
      if ((last & BOTH) !== this.#availFlags || this.#slots === this.size) {
        throw new BackEndError("a chain is available in part only");
      }
      this.#slots++;
      this.#advance();
      if ((last & VIRTQ_DESC_F_INDIRECT) !== 0) this.#addTable(word);
      else buffer.add(word, last >>> 16);
      if ((last & VIRTQ_DESC_F_NEXT) !== 0) continue;
      this.#id = last & 0xffff;
      return;
    }
  }

  #advance(): void {
    const slot = this.#slot + 1;
    if (slot < this.size) {
      this.#slot = slot;
      return;
    }
    this.#slot = 0;
    this.#availFlags ^= BOTH;
  }

  /** §2.8.7: a table has no order but its own, and no flags but WRITE. */
  #addTable(word: number): void {
    const bytes = this.#u32[word + 2];
    const table = this.#buffer.table32(word, bytes);
    for (let i = 0; i < bytes / DESCRIPTOR_BYTES; i++) {
      this.#buffer.add(table + 4 * i, this.#u32[table + 4 * i + 3] >>> 16);
    }
  }
}
