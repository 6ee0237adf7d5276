import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { DmaArena } from "../../netdev/dma_arena.ts";
import { IndirectTables } from "./indirect_tables.ts";
import * as passedEvents from "./passed_event.ts";
import { RingParts } from "./ring_parts.ts";
import { StagedPieces } from "./staged_pieces.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";
import type { Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

// A constant of the module, which V8 compiles in; an import it fetches and checks at each use.
const { passedEvent } = passedEvents;

/** Descriptor flags (virtio 1.2 §2.7.5). */
const VIRTQ_DESC_F_NEXT = 1;
const VIRTQ_DESC_F_WRITE = 2;
const VIRTQ_DESC_F_INDIRECT = 4;

/** In the driver area: the device need not interrupt (§2.7.6). */
const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
/** In the device area: the driver need not notify (§2.7.8). */
const VIRTQ_USED_F_NO_NOTIFY = 1;

const DESCRIPTOR_BYTES = 16;
const USED_ELEMENT_BYTES = 8;

/**
 * A split virtqueue (virtio 1.2 §2.7). The driver posts buffers in the available ring, and the
 * device gives them back in the used ring, in its own order:
 *
 * ```text
 * descriptors   size × { address, length, flags, next }      written by the driver
 * driver area   flags, index, size × head, used_event        written by the driver
 * device area   flags, index, size × { head, length }, avail_event    by the device
 * ```
 *
 * All that the driver needs to remember is kept in private memory. Descriptors are written and never
 * read back, and a head or a length that the device gives is checked before it's used. A device that
 * breaks the rules makes the queue {@link broken}, until its {@link reset}.
 *
 * `T` is what a caller wants back with its buffer. Nothing here allocates once the queue is made.
 *
 * Fields begin with a value of their kind, not as undefined: V8 then knows what they hold, and leaves
 * the checks out.
 */
export class SplitVirtqueue<T> implements Virtqueue<T> {
  readonly size: number = 0;
  readonly addresses: VirtqueueAddresses;
  broken = false;
  usedLength = 0;

  readonly #parts: RingParts;
  readonly #region: DmaRegion;
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #mask: number = 0;
  readonly #eventIndex: boolean = false;
  readonly #inOrder: boolean = false;
  readonly #tables: IndirectTables | null = null;
  readonly #staged: StagedPieces;
  /** Element numbers, in the 16-bit or 32-bit view of the region. */
  readonly #descriptors32: number = 0;
  readonly #availFlags16: number = 0;
  readonly #availIndex16: number = 0;
  readonly #availRing16: number = 0;
  readonly #usedEvent16: number = 0;
  readonly #usedFlags16: number = 0;
  readonly #usedIndex16: number = 0;
  readonly #sharedUsedRing32: number = 0;
  readonly #availEvent16: number = 0;

  /**
   * Where used elements are taken from, and the number of the first: the ring itself; or, in order,
   * a private copy that has those the device has skipped.
   */
  readonly #used32: Uint32Array = new Uint32Array(0);
  readonly #usedRing32: number = 0;

  /** Shadow of the descriptors: the link to the next one, of a posted chain or of the free list. */
  readonly #next: Uint16Array = new Uint16Array(0);
  /** Descriptors of the chain posted at this head; 0 when none is. */
  readonly #chainLength: Uint16Array = new Uint16Array(0);
  /** Bytes of it that the device may write. */
  readonly #writable: Uint32Array = new Uint32Array(0);
  readonly #tokens: (T | null)[] = [];
  /**
   * The free list is a queue: whoever gives buffers back in order gets descriptors in the order of
   * the table, as VIRTIO_F_IN_ORDER asks for (§2.7.5.1).
   */
  #freeHead = 0;
  #freeTail = 0;
  #free = 0;
  /** Index of the available ring: as staged, and as the device was last asked about. */
  #availIndex = 0;
  #notifiedIndex = 0;
  #usedIndex = 0;
  #outstanding = 0;
  /** In order: up to where {@link #used32} is filled, and the head of the buffer that comes next. */
  #seenIndex = 0;
  #oldestHead = 0;

  /** Makes an empty queue of `size` entries (a power of two) in memory from `arena`. */
  constructor(
    arena: DmaArena,
    size: number,
    eventIndex: boolean,
    { inOrder = false, indirectEntries = 0, ringAlign = null }: VirtqueueOptions = {},
  ) {
    const { region } = arena;
    const lengths = [
      size * DESCRIPTOR_BYTES,
      6 + 2 * size,
      6 + USED_ELEMENT_BYTES * size,
    ];
    const parts = ringAlign === null
      ? RingParts.apart(arena, lengths)
      : RingParts.inOnePiece(arena, lengths, ringAlign);
    const [descriptors, driverArea, deviceArea] = parts.offsets;
    try {
      if (indirectEntries > 0) {
        this.#tables = new IndirectTables(arena, size, indirectEntries, true);
      }
    } catch (error) {
      parts.release();
      throw error;
    }
    this.size = size;
    this.addresses = {
      size,
      descriptorArea: region.deviceAddress(descriptors),
      driverArea: region.deviceAddress(driverArea),
      deviceArea: region.deviceAddress(deviceArea),
    };
    this.#region = region;
    this.#parts = parts;
    this.#u16 = region.u16;
    this.#u32 = region.u32;
    this.#mask = size - 1;
    this.#eventIndex = eventIndex;
    this.#inOrder = inOrder;
    this.#staged = new StagedPieces(size);
    this.#descriptors32 = descriptors >>> 2;
    this.#availFlags16 = driverArea >>> 1;
    this.#availIndex16 = this.#availFlags16 + 1;
    this.#availRing16 = this.#availFlags16 + 2;
    this.#usedEvent16 = this.#availRing16 + size;
    this.#usedFlags16 = deviceArea >>> 1;
    this.#usedIndex16 = this.#usedFlags16 + 1;
    this.#sharedUsedRing32 = (deviceArea + 4) >>> 2;
    this.#used32 = inOrder ? new Uint32Array(2 * size) : region.u32;
    this.#usedRing32 = inOrder ? 0 : this.#sharedUsedRing32;
    this.#availEvent16 = (deviceArea + 4 + USED_ELEMENT_BYTES * size) >>> 1;
    this.#next = new Uint16Array(size);
    this.#chainLength = new Uint16Array(size);
    this.#writable = new Uint32Array(size);
    this.#tokens = new Array<T | null>(size).fill(null);
    this.#free = size;
    this.reset();
  }

  reset(): void {
    const { size } = this;
    this.#parts.clear();
    this.#staged.clear();
    for (let i = 0; i < size; i++) this.#next[i] = (i + 1) & this.#mask;
    this.#chainLength.fill(0);
    this.#tokens.fill(null);
    this.#freeHead = 0;
    this.#freeTail = size - 1;
    this.#free = size;
    this.#availIndex = 0;
    this.#notifiedIndex = 0;
    this.#usedIndex = 0;
    this.#outstanding = 0;
    this.#seenIndex = 0;
    this.#oldestHead = 0;
    this.broken = false;
    this.usedLength = 0;
  }

  release(): void {
    this.#parts.release();
    this.#tables?.release();
  }

  get free(): number {
    return this.#free;
  }

  get unpublished(): number {
    return (this.#availIndex - this.#notifiedIndex) & 0xffff;
  }

  descriptorsFor(pieces: number): number {
    return pieces > 1 && this.#tables !== null && pieces <= this.#tables.entries ? 1 : pieces;
  }

  stage(offset: number, length: number, deviceWrites: boolean): void {
    this.#staged.add(offset, length, deviceWrites);
  }

  commit(token: T): void {
    const staged = this.#staged;
    const { count } = staged;
    const head = this.#freeHead;
    const descriptors = this.descriptorsFor(count);
    if (descriptors < count && this.#tables !== null) {
      const table = this.#tables.write(head, staged);
      this.#describe(table, DESCRIPTOR_BYTES * count, VIRTQ_DESC_F_INDIRECT);
    } else {
      for (let i = 0; i < count; i++) {
        const write = staged.deviceWrites[i] === 1 ? VIRTQ_DESC_F_WRITE : 0;
        // flags and next share a word: 16 bits each. The next one is the next that is free.
        const next = i + 1 < count ? VIRTQ_DESC_F_NEXT | this.#next[this.#freeHead] << 16 : 0;
        this.#describe(staged.offsets[i], staged.lengths[i], write | next);
      }
    }
    this.#offer(head, descriptors, staged.writable, token);
    staged.clear();
  }

  post(offset: number, length: number, deviceWrites: boolean, token: T): void {
    const head = this.#describe(offset, length, deviceWrites ? VIRTQ_DESC_F_WRITE : 0);
    this.#offer(head, 1, deviceWrites ? length : 0, token);
  }

  /** Writes a descriptor, and returns its number. */
  #describe(offset: number, length: number, flags: number): number {
    const head = this.#freeHead;
    this.#freeHead = this.#next[head];
    this.#free--;
    const address = this.#region.deviceAddress(offset);
    const u32 = this.#u32;
    const word = this.#descriptors32 + 4 * head;
    u32[word] = address >>> 0;
    u32[word + 1] = Math.floor(address / 0x1_0000_0000);
    u32[word + 2] = length;
    u32[word + 3] = flags;
    return head;
  }

  /** Puts a chain of `chainLength` descriptors into the available ring. */
  #offer(head: number, chainLength: number, writable: number, token: T): void {
    this.#u16[this.#availRing16 + (this.#availIndex & this.#mask)] = head;
    this.#availIndex = (this.#availIndex + 1) & 0xffff;
    this.#tokens[head] = token;
    this.#chainLength[head] = chainLength;
    this.#writable[head] = writable;
    this.#outstanding++;
  }

  publish(): boolean {
    const now = this.#availIndex;
    const before = this.#notifiedIndex;
    // Atomics.store is a release and a full fence (§2.7.13.3.1, §2.7.13.4.1): descriptors and ring
    // are seen before the index, and the device's wish is read after it is. Without the fence a
    // device that stops looking at that very moment is never notified.
    Atomics.store(this.#u16, this.#availIndex16, now);
    this.#notifiedIndex = now;
    if (this.#eventIndex) {
      return passedEvent(Atomics.load(this.#u16, this.#availEvent16), now, before);
    }
    return (Atomics.load(this.#u16, this.#usedFlags16) & VIRTQ_USED_F_NO_NOTIFY) === 0;
  }

  usedCount(): number {
    const index = Atomics.load(this.#u16, this.#usedIndex16);
    const count = (index - this.#usedIndex) & 0xffff;
    const fits = count <= this.#outstanding && !this.broken;
    if (fits && (!this.#inOrder || this.#unfold(index, count))) return count;
    this.broken = true;
    return 0;
  }

  /**
   * With VIRTIO_F_IN_ORDER a used element stands for the buffers before it, too, which were then used
   * whole (§2.7.9). It's where the first of them would be, and the next one follows where the
   * batch ends. Writes an element for each into the private copy, up to the device's `index`. False
   * when that, by which `count` were not taken yet, is behind what was seen.
   */
  #unfold(index: number, count: number): boolean {
    if (((this.#seenIndex - this.#usedIndex) & 0xffff) > count) return false;
    const { size } = this;
    while (this.#seenIndex !== index) {
      const shared = this.#sharedUsedRing32 + 2 * (this.#seenIndex & this.#mask);
      const id = this.#u32[shared];
      const length = this.#u32[shared + 1];
      // Which one it is, of those that it can be. Not to find it is to find no buffer, too.
      let head = this.#oldestHead;
      while (head !== id && this.#seenIndex !== ((index - 1) & 0xffff)) {
        this.#see(head, this.#writable[head]);
        head = this.#oldestHead;
      }
      this.#see(head === id ? head : size, length);
    }
    return true;
  }

  /** The oldest buffer was used; `head` is its own, or `size` where the device named another. */
  #see(head: number, length: number): void {
    const element = 2 * (this.#seenIndex & this.#mask);
    this.#used32[element] = head;
    this.#used32[element + 1] = length;
    this.#seenIndex = (this.#seenIndex + 1) & 0xffff;
    // Descriptors are used in the order of the table: the next buffer begins behind this one.
    this.#oldestHead = (this.#oldestHead + this.#chainLength[this.#oldestHead]) & this.#mask;
  }

  takeUsed(): T | null {
    const element = this.#usedRing32 + 2 * (this.#usedIndex & this.#mask);
    const head = this.#used32[element];
    const length = this.#used32[element + 1];
    const chainLength = head < this.size ? this.#chainLength[head] : 0;
    if (chainLength === 0) {
      this.broken = true;
      return null;
    }
    this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    this.usedLength = length;
    const token = this.#tokens[head];
    this.#tokens[head] = null;
    this.#chainLength[head] = 0;
    let tail = head;
    for (let i = 1; i < chainLength; i++) tail = this.#next[tail];
    if (this.#free === 0) this.#freeHead = head;
    else this.#next[this.#freeTail] = head;
    this.#freeTail = tail;
    this.#free += chainLength;
    this.#outstanding--;
    return token;
  }

  enableInterrupts(): boolean {
    if (this.broken) return true;
    if (this.#eventIndex) Atomics.store(this.#u16, this.#usedEvent16, this.#usedIndex);
    else Atomics.store(this.#u16, this.#availFlags16, 0);
    // The store is a full fence: the device either sees the wish or has moved its index before.
    if (Atomics.load(this.#u16, this.#usedIndex16) === this.#usedIndex) return true;
    this.disableInterrupts();
    return false;
  }

  disableInterrupts(): void {
    if (this.#eventIndex) {
      // An index that was passed just now is not passed again for another 65,535 buffers.
      Atomics.store(this.#u16, this.#usedEvent16, (this.#usedIndex - 1) & 0xffff);
    } else {
      Atomics.store(this.#u16, this.#availFlags16, VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
  }

  reclaim(): T | null {
    for (let head = 0; head < this.size; head++) {
      const token = this.#tokens[head];
      if (token === null) continue;
      this.#tokens[head] = null;
      return token;
    }
    return null;
  }
}
