import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import {
  DESCRIPTOR_BYTES,
  VIRTQ_DESC_F_AVAIL,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_USED,
  VIRTQ_DESC_F_WRITE,
} from "./descriptor_flags.ts";
import type { HostileRing, LentBuffer } from "./hostile_ring.ts";
import type { IovaRegion } from "./iova_region.ts";
import {
  PackedPlace,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
  RING_EVENT_FLAGS_ENABLE,
} from "./packed_place.ts";
import type { BufferPiece } from "./ring_device.ts";

/** What a hostile device has of a packed virtqueue (virtio 1.2 §2.8). */
export class HostilePackedRing implements HostileRing {
  readonly size: number;
  readonly inOrder: boolean;
  readonly lent = new Map<number, LentBuffer>();
  lostTrack = false;
  readonly #region: IovaRegion;
  readonly #eventIndex: boolean;
  /** Byte offsets of the three parts in the region. */
  readonly #descriptors: number;
  readonly #driverEvent: number;
  readonly #deviceEvent: number;
  readonly #claims = new Map<number, number>();
  /** Where the driver makes the next descriptor available, and where the next used one is written. */
  readonly #next = new PackedPlace();
  readonly #used = new PackedPlace();
  /** Used descriptors that aren't shown yet: the first one's flags are written last. */
  #put: { readonly word: number; readonly last: number; readonly id: number }[] = [];
  /** Places that were passed since the last show, as `off_wrap`. */
  readonly #passed = new Set<number>();
  /** Slots that look used, without a use, and the flags that make them so. */
  readonly #pretended = new Map<number, number>();
  /** Descriptors that were put and that the driver has not acted upon; more than all, and some go. */
  #unseen = 0;
  #badId = false;

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
    this.#driverEvent = region.offsetOf(addresses.driverArea, 4);
    this.#deviceEvent = region.offsetOf(addresses.deviceArea, 4);
  }

  /** Once it has lost track, nobody knows where the driver looks. */
  get mustBreak(): boolean {
    return this.#badId && !this.lostTrack;
  }

  collect(onReturned: (buffer: LentBuffer) => void): LentBuffer[] {
    const fresh: LentBuffer[] = [];
    for (let buffer = this.#read(); buffer !== null; buffer = this.#read()) {
      const before = this.lent.get(buffer.head);
      if (before !== undefined) {
        if (!this.consume(buffer.head)) throw new Error(`id ${buffer.head} is lent twice`);
        onReturned(before);
      }
      this.lent.set(buffer.head, buffer);
      fresh.push(buffer);
      if (fresh.length > this.size) throw new Error(`more than ${this.size} buffers at a time`);
    }
    if (this.#pretended.size > 0) this.#claimPretended();
    return fresh;
  }

  /** In order, one that's named stands for those before it, too (§2.8.9). */
  claims(id: number): number {
    const claims = this.#claims.get(id) ?? 0;
    if (claims > 0 || !this.inOrder) return claims;
    let younger = false;
    for (const each of this.lent.keys()) {
      younger ||= each === id;
      if (younger && (this.#claims.get(each) ?? 0) > 0) return 1;
    }
    return 0;
  }

  consume(id: number): boolean {
    if (this.claims(id) === 0) return false;
    const named = this.#claims.get(id) ?? 0;
    if (named > 0) this.#claims.set(id, named - 1);
    if (this.inOrder) this.#claimOlder(id);
    this.#unseen -= this.lent.get(id)?.descriptors ?? 0;
    this.lent.delete(id);
    return true;
  }

  put(id: number, length: number): void {
    this.putBatch([id], length);
  }

  putBatch(ids: readonly number[], length: number): void {
    const id = ids[ids.length - 1];
    const word = this.#word(this.#used.slot);
    const { u32 } = this.#region;
    u32[word + 2] = length;
    const id16 = id & 0xffff;
    const buffer = this.lent.get(id16);
    const oldest = [...this.lent.keys()].find((lent) => !this.#isUsed(lent));
    const odd = id16 < this.size &&
      (this.inOrder ? (ids[0] & 0xffff) !== oldest : buffer === undefined || this.#isUsed(id16));
    const descriptors = ids.reduce(
      (sum, id) => sum + (this.lent.get(id & 0xffff)?.descriptors ?? 1),
      0,
    );
    this.#unseen += descriptors;
    // What is put where nothing is lent the driver overwrites with the next buffer.
    if (oldest === undefined || odd || this.#unseen > this.size) this.lostTrack = true;
    const last = (id16 | this.#used.usedFlags << 16) >>> 0;
    if (this.#put.length > 0) u32[word + 3] = last;
    this.#put.push({ word, last, id: id16 });
    for (let i = 0; i < descriptors; i++) {
      this.#passed.add(this.#used.offWrap);
      this.#used.advance(this.size);
    }
  }

  show(): boolean {
    const put = this.#put;
    if (put.length === 0) return false;
    this.#put = [];
    for (const { id } of put) this.#claim(id);
    Atomics.store(this.#region.u32, put[0].word + 3, put[0].last);
    const event = Atomics.load(this.#region.u32, this.#driverEvent >>> 2);
    const flags = event >>> 16 & 3;
    const passed = this.#passed.has(event & 0xffff);
    this.#passed.clear();
    return flags === RING_EVENT_FLAGS_ENABLE ||
      flags === RING_EVENT_FLAGS_DESC && this.#eventIndex && passed;
  }

  wantKicks(on: boolean): void {
    const event = this.#eventIndex
      ? this.#next.offWrap | RING_EVENT_FLAGS_DESC << 16
      : RING_EVENT_FLAGS_ENABLE << 16;
    this.#region.u32[this.#deviceEvent >>> 2] = on ? event : RING_EVENT_FLAGS_DISABLE << 16;
  }

  /** Descriptors look used that nobody wrote as such: the next ones, or the last one once more. */
  jump(by: number): void {
    this.lostTrack = true;
    const { slot, wrap } = this.#used;
    if (by < 0) {
      const before = (slot + this.size - 1) % this.size;
      this.#pretend(new PackedPlace(before, slot === 0 ? wrap : !wrap));
      this.#claimPretended();
      return;
    }
    const place = new PackedPlace(slot, wrap);
    for (let left = Math.min(by, this.size); left > 0; left--) {
      this.#pretend(place);
      place.advance(this.size);
    }
    this.#claimPretended();
  }

  /** But for the flags: {@link jump} is for these. */
  scribble(word: number): void {
    const { u8, u32 } = this.#region;
    for (let slot = 0; slot < this.size; slot++) {
      const start = this.#descriptors + DESCRIPTOR_BYTES * slot;
      u8.fill(word, start, start + 12);
    }
    u32[this.#driverEvent >>> 2] = word;
  }

  confuse(word: number): void {
    this.#region.u32[this.#deviceEvent >>> 2] = word;
  }

  #isUsed(id: number): boolean {
    return this.claims(id) > 0 || this.#put.some((put) => put.id === id);
  }

  /** Whoever has this one back has those before it, too. */
  #claimOlder(id: number): void {
    for (const older of this.lent.keys()) {
      if (older === id) return;
      if ((this.#claims.get(older) ?? 0) === 0) this.#claims.set(older, 1);
    }
  }

  #claim(id: number): void {
    if (id >= this.size) this.#badId = true;
    this.#claims.set(id, (this.#claims.get(id) ?? 0) + 1);
  }

  /** What stands in a slot that looks used may be lent only later. */
  #claimPretended(): void {
    for (const [slot, flags] of this.#pretended) {
      const last = this.#region.u32[this.#word(slot) + 3];
      const id = last & 0xffff;
      if (last >>> 16 !== flags) this.#pretended.delete(slot);
      else if (this.lent.has(id) && this.claims(id) === 0) this.#claim(id);
    }
  }

  /** Reads the next available buffer; null when there is none. */
  #read(): LentBuffer | null {
    if (!this.#isAvailable()) return null;
    const pieces: BufferPiece[] = [];
    for (let descriptors = 1; descriptors <= this.size; descriptors++) {
      if (!this.#isAvailable()) throw new Error("a chain that is available in part");
      const word = this.#word(this.#next.slot);
      const id = this.#region.u32[word + 3] & 0xffff;
      const flags = this.#region.u32[word + 3] >>> 16 & ~(VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED);
      if (id >= this.size) throw new Error(`id ${id} in a ring of ${this.size}`);
      this.#next.advance(this.size);
      if ((flags & VIRTQ_DESC_F_INDIRECT) !== 0) {
        return { head: id, pieces: this.#table(word), descriptors };
      }
      pieces.push(this.#piece(word, flags));
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return { head: id, pieces, descriptors };
    }
    throw new Error("a chain that is longer than the ring");
  }

  #table(word: number): BufferPiece[] {
    const { offset, length } = this.#piece(word, 0);
    const pieces: BufferPiece[] = [];
    for (let entry = offset; entry < offset + length; entry += DESCRIPTOR_BYTES) {
      pieces.push(this.#piece(entry >>> 2, this.#region.u32[(entry >>> 2) + 3] >>> 16));
    }
    return pieces;
  }

  #piece(word: number, flags: number): BufferPiece {
    const { u32 } = this.#region;
    const length = u32[word + 2];
    const offset = this.#region.offsetOf(u32[word + 1] * 2 ** 32 + u32[word], length);
    return { offset, length, deviceWrites: (flags & VIRTQ_DESC_F_WRITE) !== 0 };
  }

  #isAvailable(): boolean {
    const last = Atomics.load(this.#region.u32, this.#word(this.#next.slot) + 3);
    return this.#next.isAvailable(last >>> 16);
  }

  /** A slot looks used, and keeps the id that is in it. */
  #pretend({ slot, usedFlags }: PackedPlace): void {
    const word = this.#word(slot) + 3;
    const { u32 } = this.#region;
    this.#pretended.set(slot, usedFlags);
    Atomics.store(u32, word, (u32[word] & 0xffff | usedFlags << 16) >>> 0);
  }

  #word(slot: number): number {
    return (this.#descriptors + DESCRIPTOR_BYTES * slot) >>> 2;
  }
}
