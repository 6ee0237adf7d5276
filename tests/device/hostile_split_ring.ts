import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import {
  DESCRIPTOR_BYTES,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
} from "./descriptor_flags.ts";
import type { HostileRing, LentBuffer } from "./hostile_ring.ts";
import type { IovaRegion } from "./iova_region.ts";
import type { BufferPiece } from "./ring_device.ts";

/** What a hostile device has of a split virtqueue (virtio 1.2 §2.7). */
export class HostileSplitRing implements HostileRing {
  readonly size: number;
  readonly inOrder: boolean;
  readonly lostTrack = false;
  readonly lent = new Map<number, LentBuffer>();
  readonly #region: IovaRegion;
  readonly #eventIndex: boolean;
  /** Byte offsets of the three parts in the region. */
  readonly #descriptors: number;
  readonly #avail: number;
  readonly #used: number;
  readonly #claims: Uint16Array;
  /** Index of the available ring up to which it was looked at. */
  #seen = 0;
  /** What was scribbled over the available index; no news until something else stands there. */
  #scribbled: number | null = null;
  /** Used elements: written, seen by the driver, and acted upon by it. */
  #written = 0;
  #shown = 0;
  #consumed = 0;
  #badId = false;
  /** In order, and an element may stand for those behind it, whatever is in them. */
  #batch = false;
  /** What stood in the elements that the driver has read, of buffers that it hasn't acted upon yet. */
  readonly #read: number[] = [];
  /** The index pretends more uses than there are buffers; that may change as more are lent. */
  #unclaimed = false;

  constructor(
    region: IovaRegion,
    addresses: VirtqueueAddresses,
    eventIndex: boolean,
    inOrder: boolean,
  ) {
    const { size } = addresses;
    this.size = size;
    this.inOrder = inOrder;
    this.#region = region;
    this.#eventIndex = eventIndex;
    this.#descriptors = region.offsetOf(addresses.descriptorArea, DESCRIPTOR_BYTES * size);
    this.#avail = region.offsetOf(addresses.driverArea, 6 + 2 * size);
    this.#used = region.offsetOf(addresses.deviceArea, 6 + 8 * size);
    this.#claims = new Uint16Array(size);
  }

  /** An index that is a little behind may be right again before the driver has seen it. */
  get mustBreak(): boolean {
    const pretended = this.#pretended;
    if (this.#batch) return false;
    return this.#badId || pretended > this.size && pretended < 0x8000;
  }

  collect(onReturned: (buffer: LentBuffer) => void): LentBuffer[] {
    const index = this.#load16(this.#avail + 2);
    if (index === this.#scribbled) return [];
    this.#scribbled = null;
    const fresh: LentBuffer[] = [];
    const count = (index - this.#seen) & 0xffff;
    if (count > this.size) throw new Error(`${count} buffers more in a ring of ${this.size}`);
    for (; this.#seen !== index; this.#seen = (this.#seen + 1) & 0xffff) {
      const head = this.#load16(this.#avail + 4 + 2 * (this.#seen % this.size));
      const before = this.lent.get(head);
      if (before !== undefined) {
        if (!this.consume(head)) throw new Error(`descriptor ${head} is lent twice`);
        onReturned(before);
      }
      const buffer = this.#buffer(head);
      this.lent.set(head, buffer);
      fresh.push(buffer);
    }
    if (this.#unclaimed) this.#claimJump();
    return fresh;
  }

  claims(id: number): number {
    if (!this.inOrder) return this.#claims[id];
    // In order the index alone tells: of so many of the oldest (§2.7.9).
    let left = this.#pretended < 0x8000 ? this.#pretended : 0;
    for (const oldest of this.lent.keys()) {
      if (left-- === 0) return 0;
      if (oldest === id) return 1;
    }
    return 0;
  }

  consume(id: number): boolean {
    if (this.claims(id) === 0) return false;
    this.#claims[id]--;
    const read = this.#read.indexOf(id);
    if (read >= 0) this.#read.splice(read, 1);
    this.#consumed = (this.#consumed + 1) & 0xffff;
    this.lent.delete(id);
    return true;
  }

  /** The driver has read the word at `offset`: a used element counts as it was then. */
  wasRead(offset: number): void {
    const next = (this.#consumed + this.#read.length) % this.size;
    if (this.inOrder || offset !== this.#used + 4 + 8 * next) return;
    this.#read.push(this.#region.u32[offset >>> 2]);
    // It may have been written over since it was shown.
    if (!this.#unclaimed) this.#claimJump();
  }

  put(id: number, length: number): void {
    const next = [...this.lent.keys()].find((id) => this.claims(id) === 0);
    if (this.inOrder && id < this.size && id !== next) this.#batch = true;
    const element = (this.#used + 4 + 8 * (this.#written % this.size)) >>> 2;
    this.#region.u32[element] = id;
    this.#region.u32[element + 1] = length;
    this.#written = (this.#written + 1) & 0xffff;
  }

  putBatch(ids: readonly number[], length: number): void {
    this.#batch = true;
    this.put(ids[ids.length - 1], length);
    this.#written = (this.#written + ids.length - 1) & 0xffff;
  }

  show(): boolean {
    const { usedEvent } = this;
    const quiet = (this.#load16(this.#avail) & 1) !== 0;
    let interrupt = !this.#eventIndex && !quiet && this.#shown !== this.#written;
    for (; this.#shown !== this.#written; this.#shown = (this.#shown + 1) & 0xffff) {
      this.#claim(this.#shown);
      if (this.#eventIndex && this.#shown === usedEvent) interrupt = true;
    }
    this.#showIndex();
    return interrupt;
  }

  wantKicks(on: boolean): void {
    const event = (on ? this.#seen : this.#seen - 1) & 0xffff;
    if (this.#eventIndex) this.#store16(this.#used + 4 + 8 * this.size, event);
    else this.#store16(this.#used, on ? 0 : 1);
  }

  /** What stands in the elements in between is from before. */
  jump(by: number): void {
    this.#written = this.#shown = (this.#shown + by) & 0xffff;
    this.#claimRead();
    this.#badId = false;
    this.#unclaimed = true;
    this.#batch ||= this.inOrder;
    this.#claimJump();
    this.#showIndex();
  }

  scribble(word: number): void {
    const { u8 } = this.#region;
    u8.fill(word & 0xff, this.#descriptors, this.#descriptors + DESCRIPTOR_BYTES * this.size);
    u8.fill(word >>> 8 & 0xff, this.#avail + 4, this.#avail + 6 + 2 * this.size);
    this.#scribbled = (this.#seen + 0x8000) & 0xffff;
    this.#store16(this.#avail + 2, this.#scribbled);
  }

  confuse(word: number): void {
    this.#store16(this.#used, word & 0xffff);
    this.#store16(this.#used + 4 + 8 * this.size, word >>> 16);
  }

  /** At which used element the driver wants to hear of it (§2.7.7). */
  get usedEvent(): number {
    return this.#load16(this.#avail + 4 + 2 * this.size);
  }

  /** Uses that the driver was told of and has not acted upon. */
  get #pretended(): number {
    return (this.#shown - this.#consumed) & 0xffff;
  }

  #claimJump(): void {
    const pretended = this.#pretended;
    if (pretended > this.lent.size) return;
    this.#unclaimed = false;
    this.#claimRead();
    for (let i = this.#read.length; i < pretended; i++) this.#claim((this.#consumed + i) & 0xffff);
  }

  /** Only what the driver has read already stays, whatever stands there now. */
  #claimRead(): void {
    this.#claims.fill(0);
    for (const id of this.#read) if (id < this.size) this.#claims[id]++;
  }

  /** An element behind those that the driver has read already is not read again. */
  #claim(index: number): void {
    if (((index - this.#consumed) & 0xffff) >= 0x8000) return;
    const id = this.#region.u32[(this.#used + 4 + 8 * (index % this.size)) >>> 2];
    if (id >= this.size) this.#badId = true;
    else this.#claims[id]++;
  }

  #showIndex(): void {
    Atomics.store(this.#region.u16, (this.#used + 2) >>> 1, this.#shown);
  }

  #buffer(head: number): LentBuffer {
    if (head >= this.size) throw new Error(`descriptor ${head} in a table of ${this.size}`);
    const { u32 } = this.#region;
    const word = (this.#descriptors + DESCRIPTOR_BYTES * head) >>> 2;
    if ((u32[word + 3] & VIRTQ_DESC_F_INDIRECT) === 0) {
      const pieces = this.#chain(this.#descriptors, this.size, head);
      return { head, pieces, descriptors: pieces.length };
    }
    const count = u32[word + 2] / DESCRIPTOR_BYTES;
    const table = this.#region.offsetOf(u32[word + 1] * 2 ** 32 + u32[word], u32[word + 2]);
    return { head, pieces: this.#chain(table, count, 0), descriptors: 1 };
  }

  /** The pieces of a chain in the table of `count` descriptors at `table`, from number `first` on. */
  #chain(table: number, count: number, first: number): BufferPiece[] {
    const { u32 } = this.#region;
    const pieces: BufferPiece[] = [];
    for (let index = first; pieces.length < count;) {
      if (index >= count) throw new Error(`descriptor ${index} in a table of ${count}`);
      const word = (table + DESCRIPTOR_BYTES * index) >>> 2;
      const length = u32[word + 2];
      const flags = u32[word + 3] & 0xffff;
      if ((flags & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) !== 0) {
        throw new Error(`descriptor ${index} has flags ${flags}`);
      }
      const offset = this.#region.offsetOf(u32[word + 1] * 2 ** 32 + u32[word], length);
      pieces.push({ offset, length, deviceWrites: (flags & VIRTQ_DESC_F_WRITE) !== 0 });
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return pieces;
      index = u32[word + 3] >>> 16;
    }
    throw new Error(`the chain at ${first} has a loop`);
  }

  #load16(offset: number): number {
    return Atomics.load(this.#region.u16, offset >>> 1);
  }

  #store16(offset: number, value: number): void {
    this.#region.u16[offset >>> 1] = value;
  }
}
