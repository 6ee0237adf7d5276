import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import {
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_USED,
  VIRTQ_DESC_F_WRITE,
} from "./descriptor_flags.ts";
import type { IovaRegion } from "./iova_region.ts";
import {
  PackedPlace,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
} from "./packed_place.ts";
import type { AvailableBuffer, BufferPiece, RingDevice, RingDeviceOptions } from "./ring_device.ts";

/**
 * The device's side of a packed virtqueue (virtio 1.2 §2.8). It reads what the driver wrote, throws
 * when that breaks a rule, and writes used descriptors as it is told. Of several that are put the
 * first is shown last, as QEMU does it.
 */
export class PackedRingDevice implements RingDevice {
  readonly size: number;
  readonly #region: IovaRegion;
  readonly #eventIndex: boolean;
  readonly #indirect: boolean;
  readonly #inOrder: boolean;
  /** Byte offsets of the three parts in the region. */
  readonly #descriptors: number;
  readonly #driverEvent: number;
  readonly #deviceEvent: number;
  /** Where the driver makes the next descriptor available, and where the next used one is written. */
  readonly #next = new PackedPlace();
  readonly #used = new PackedPlace();
  /** Seen to be available, and not taken yet. */
  readonly #ready: AvailableBuffer[] = [];
  /** Descriptors of each buffer that is lent, by id, in the order they came. */
  readonly #lent = new Map<number, number>();
  /** The first used descriptor that is not shown yet: its slot and flags. */
  #hidden: { readonly slot: number; readonly flags: number } | null = null;
  /** Places of descriptors that were used since the last show, as `off_wrap`. */
  #passed: number[] = [];

  constructor(
    region: IovaRegion,
    addresses: VirtqueueAddresses,
    eventIndex: boolean,
    { indirect = false, inOrder = false }: RingDeviceOptions = {},
  ) {
    const { size } = addresses;
    if (size < 1 || size > 32768) throw new Error(`a packed ring of ${size} (§2.8)`);
    this.size = size;
    this.#region = region;
    this.#eventIndex = eventIndex;
    this.#indirect = indirect;
    this.#inOrder = inOrder;
    // §2.8: alignment and length of each part.
    this.#descriptors = region.offsetOf(addresses.descriptorArea, 16 * size, 16);
    this.#driverEvent = region.offsetOf(addresses.driverArea, 4, 4);
    this.#deviceEvent = region.offsetOf(addresses.deviceArea, 4, 4);
  }

  /** Where the driver wants to hear of it, `off_wrap`, and its flags (§2.8.10). */
  get driverEvent(): { readonly offWrap: number; readonly flags: number } {
    const word = Atomics.load(this.#region.u32, this.#driverEvent >>> 2);
    return { offWrap: word & 0xffff, flags: word >>> 16 };
  }

  get available(): number {
    for (let buffer = this.#read(); buffer !== null; buffer = this.#read()) {
      if (this.#lent.has(buffer.head)) throw new Error(`id ${buffer.head} is lent already`);
      this.#lent.set(buffer.head, buffer.descriptors);
      const lent = [...this.#lent.values()].reduce((sum, count) => sum + count);
      if (lent > this.size) throw new Error(`${lent} descriptors in a ring of ${this.size}`);
      this.#ready.push(buffer);
    }
    return this.#ready.length;
  }

  take(): AvailableBuffer | null {
    return this.available === 0 ? null : this.#ready.shift() ?? null;
  }

  use(head: number, length: number): boolean {
    this.put(head, length);
    return this.show();
  }

  put(id: number, length: number): void {
    this.#put(id, length, [id]);
  }

  putBatch(heads: readonly number[], length: number): void {
    if (!this.#inOrder) throw new Error("a batch is for VIRTIO_F_IN_ORDER");
    this.#put(heads[heads.length - 1], length, heads);
  }

  #put(id: number, length: number, heads: readonly number[]): void {
    const { slot, usedFlags: flags } = this.#used;
    const { u32, u16 } = this.#region;
    const word = (this.#descriptors + 16 * slot) >>> 2;
    u32[word + 2] = length;
    u16[2 * (word + 3)] = id;
    if (this.#hidden === null) this.#hidden = { slot, flags };
    else u16[2 * (word + 3) + 1] = flags;
    for (const head of heads) {
      const descriptors = this.#lent.get(head) ?? 1;
      this.#lent.delete(head);
      for (let i = 0; i < descriptors; i++) {
        this.#passed.push(this.#used.offWrap);
        this.#used.advance(this.size);
      }
    }
  }

  show(): boolean {
    if (this.#hidden === null) return false;
    const { slot, flags } = this.#hidden;
    const word = (this.#descriptors + 16 * slot + 12) >>> 2;
    const { u32 } = this.#region;
    Atomics.store(u32, word, (u32[word] & 0xffff | flags << 16) >>> 0);
    this.#hidden = null;
    const passed = this.#passed;
    this.#passed = [];
    const event = this.driverEvent;
    if (event.flags === RING_EVENT_FLAGS_DISABLE) return false;
    if (event.flags === RING_EVENT_FLAGS_ENABLE) return true;
    if (event.flags !== RING_EVENT_FLAGS_DESC || !this.#eventIndex) {
      throw new Error(`event flags ${event.flags}`);
    }
    if ((event.offWrap & 0x7fff) >= this.size) {
      throw new Error(`event at ${event.offWrap & 0x7fff}`);
    }
    return passed.includes(event.offWrap);
  }

  showIndex(_index: number): void {
    const free = Array.from({ length: this.size + 1 }, (_, id) => id).find((id) =>
      !this.#lent.has(id)
    );
    this.put(free ?? this.size, 0);
    this.show();
  }

  wantKicks(on: boolean): void {
    this.available;
    if (!on) this.setEvent(0, RING_EVENT_FLAGS_DISABLE);
    else if (this.#eventIndex) this.setEvent(this.#next.offWrap, RING_EVENT_FLAGS_DESC);
    else this.setEvent(0, RING_EVENT_FLAGS_ENABLE);
  }

  /** Writes the device's event suppression. */
  setEvent(offWrap: number, flags: number): void {
    this.#region.u32[this.#deviceEvent >>> 2] = offWrap | flags << 16;
  }

  /** But for the flags: those would make the driver take them for used ones. */
  scribbleDescriptors(byte: number): void {
    const { u8 } = this.#region;
    for (let slot = 0; slot < this.size; slot++) {
      const start = this.#descriptors + 16 * slot;
      u8.fill(byte, start, start + 14);
    }
  }

  /** Writes a used descriptor of `id` with just these flags at the place where one is due. */
  scribbleUsed(id: number, length: number, flags: number): void {
    const word = (this.#descriptors + 16 * this.#used.slot) >>> 2;
    this.#region.u32[word + 2] = length;
    Atomics.store(this.#region.u32, word + 3, (id | flags << 16) >>> 0);
  }

  /** Reads the next available buffer; null when there is none. */
  #read(): AvailableBuffer | null {
    if (!this.#isAvailable()) return null;
    const pieces: BufferPiece[] = [];
    for (let descriptors = 1;; descriptors++) {
      if (!this.#isAvailable()) throw new Error("a chain that is available in part");
      if (descriptors > this.size) throw new Error("a chain that is longer than the ring");
      const start = this.#descriptors + 16 * this.#next.slot;
      const id = this.#region.u16[(start + 12) >>> 1];
      const flags = this.#region.u16[(start + 14) >>> 1] &
        ~(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);
      this.#next.advance(this.size);
      if ((flags & VIRTQ_DESC_F_INDIRECT) !== 0) {
        if (flags !== VIRTQ_DESC_F_INDIRECT || pieces.length > 0) {
          throw new Error(`a table in a chain, or flags ${flags} (§2.8.19)`);
        }
        return { head: id, pieces: this.#table(start), descriptors };
      }
      pieces.push(this.#piece(start, flags, pieces.at(-1)));
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return { head: id, pieces, descriptors };
    }
  }

  #table(start: number): BufferPiece[] {
    if (!this.#indirect) throw new Error("a table, which was not negotiated");
    const { offset, length } = this.#where(start);
    if (length % 16 !== 0 || length === 0) throw new Error(`a table of ${length} bytes`);
    const pieces: BufferPiece[] = [];
    for (let entry = offset; entry < offset + length; entry += 16) {
      const flags = this.#region.u16[(entry + 14) >>> 1];
      if ((flags & ~VIRTQ_DESC_F_WRITE) !== 0) {
        throw new Error(`flags ${flags} in a table (§2.8.8)`);
      }
      pieces.push(this.#piece(entry, flags, pieces.at(-1)));
    }
    return pieces;
  }

  #piece(start: number, flags: number, before: BufferPiece | undefined): BufferPiece {
    if ((flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) !== 0) {
      throw new Error(`a descriptor has flags ${flags}`);
    }
    const deviceWrites = (flags & VIRTQ_DESC_F_WRITE) !== 0;
    const { offset, length } = this.#where(start);
    // QEMU takes a descriptor without bytes for an error, and stops the device.
    if (length === 0) throw new Error("a descriptor is empty");
    if (before?.deviceWrites === true && !deviceWrites) {
      throw new Error("a descriptor is to be read, behind one to be written (§2.8.16)");
    }
    return { offset, length, deviceWrites };
  }

  #where(start: number): { readonly offset: number; readonly length: number } {
    const { u32 } = this.#region;
    const word = start >>> 2;
    const length = u32[word + 2];
    return { offset: this.#region.offsetOf(u32[word + 1] * 2 ** 32 + u32[word], length), length };
  }

  #isAvailable(): boolean {
    const word = (this.#descriptors + 16 * this.#next.slot + 12) >>> 2;
    return this.#next.isAvailable(Atomics.load(this.#region.u32, word) >>> 16);
  }
}
