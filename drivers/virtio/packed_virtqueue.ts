import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { IndirectTables } from "./indirect_tables.ts";
import * as loadOrder from "./load_order.ts";
import * as packedEvents from "./packed_event.ts";
import { PackedInterrupts } from "./packed_interrupts.ts";
import { PackedRingMemory } from "./packed_ring_memory.ts";
import * as passedEvents from "./passed_event.ts";
import { RegionAddress } from "./region_address.ts";
import { StagedPieces } from "./staged_pieces.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";
import type { Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { load32 } = loadOrder;
const { passedEvent } = passedEvents;
const {
  EVENT_OFFSET,
  EVENT_WRAP,
  RING_EVENT_FLAGS,
  RING_EVENT_FLAGS_DESC,
  RING_EVENT_FLAGS_DISABLE,
} = packedEvents;

/** Descriptor flags (virtio 1.2 §2.8.1, §2.8.6, §2.8.8), in the upper half of the last word. */
const VIRTQ_DESC_F_NEXT = 1 << 16;
const VIRTQ_DESC_F_WRITE = 2 << 16;
const VIRTQ_DESC_F_INDIRECT = 4 << 16;
const VIRTQ_DESC_F_AVAIL = 1 << 23;
const VIRTQ_DESC_F_USED = 1 << 31;
const BOTH = VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED;

const DESCRIPTOR_BYTES = 16;

/**
 * A packed virtqueue (virtio 1.2 §2.8), in memory that is laid out as {@link PackedRingMemory} shows.
 * Both sides write one ring of descriptors: the driver makes them available in turn, and the device
 * writes over them, from the start again and in its own order, those of the buffers that it has used.
 *
 * Two bits of the flags say whose a descriptor is. What they mean turns over each time that a side
 * comes to the end of the ring, which its wrap counter remembers.
 *
 * Of each used descriptor the id and the length are read, once each, and nothing else of the ring. An
 * id that isn't lent makes the queue {@link broken}. All else is remembered in private memory.
 *
 * Nothing here allocates once the queue is made. Fields begin with a value of their kind, so that
 * V8 knows what they hold.
 */
export class PackedVirtqueue<T> implements Virtqueue<T> {
  readonly size: number = 0;
  readonly addresses: VirtqueueAddresses;
  broken = false;
  usedLength = 0;

  readonly #memory: PackedRingMemory;
  readonly #interrupts: PackedInterrupts;
  readonly #address: RegionAddress;
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #i32: Int32Array = new Int32Array(0);
  readonly #eventIndex: boolean = false;
  readonly #inOrder: boolean = false;
  readonly #tables: IndirectTables | null = null;
  readonly #staged: StagedPieces;
  /** Element numbers in the 32-bit view of the region. */
  readonly #descriptors32: number = 0;
  readonly #deviceEvent32: number = 0;

  /** What the callers want back of ids that aren't free; of others, what somebody wanted before. */
  readonly #tokens: (T | null)[] = [];
  /** Slots of the ring that the buffer of this id takes: above 0 while it's lent, below 0 while it's back; else 0. */
  readonly #slots: Int32Array = new Int32Array(0);
  /** Bytes of it that the device may write. */
  readonly #writable: Uint32Array = new Uint32Array(0);
  /**
   * Ids that aren't lent, a queue: from the head on those that are free; from `taken` on those that
   * came back and weren't taken yet, with their lengths. An id of `size` is none: the queue broke.
   * Whoever gives buffers back in order gets ids in order, too, which is how a batch is told.
   */
  readonly #ids: Uint16Array = new Uint16Array(0);
  readonly #lengths: Uint32Array = new Uint32Array(0);
  #idsHead = 0;
  #idsTaken = 0;
  #idsTail = 0;
  #back = 0;
  #free = 0;

  /** Where the next descriptor is made available, and the flags that say so. */
  #availSlot = 0;
  #availFlags = VIRTQ_DESC_F_AVAIL;
  /** Descriptors and buffers since the last publish, and the first of those, held back. */
  #added = 0;
  #unpublished = 0;
  #firstWord = 0;
  #firstFlags = 0;

  /** Where the next used descriptor is looked for, and its flags when it's there. */
  #usedSlot = 0;
  #usedFlags = BOTH;
  /** Buffers lent to the device that it hasn't been seen to give back. */
  #outstanding = 0;
  /** The last of them is none: the ring isn't looked at any more. */
  #foundBad = false;
  /** In order: the id that is the next one to come back. */
  #oldestId = 0;

  /** Makes an empty queue of `size` entries, 1 to 32768, in memory from `arena`. */
  constructor(
    arena: DmaArena,
    size: number,
    eventIndex: boolean,
    options: VirtqueueOptions = {},
  ) {
    const memory = new PackedRingMemory(arena, size, options);
    this.size = size;
    this.addresses = memory.addresses;
    this.#memory = memory;
    this.#interrupts = new PackedInterrupts(memory, eventIndex);
    this.#address = new RegionAddress(arena.region);
    this.#u32 = memory.u32;
    this.#i32 = memory.i32;
    this.#eventIndex = eventIndex;
    this.#inOrder = options.inOrder === true;
    this.#tables = memory.tables;
    this.#staged = new StagedPieces(size);
    this.#descriptors32 = memory.descriptors32;
    this.#deviceEvent32 = memory.deviceEvent32;
    // Not by new Array(size), which V8 would look for holes in at each load.
    this.#tokens = Array.from({ length: size }, () => null);
    this.#slots = new Int32Array(size);
    this.#writable = new Uint32Array(size);
    this.#ids = new Uint16Array(size);
    this.#lengths = new Uint32Array(size);
    this.reset();
  }

  reset(): void {
    this.#memory.clear();
    this.#staged.clear();
    this.#tokens.fill(null);
    this.#slots.fill(0);
    for (let id = 0; id < this.size; id++) this.#ids[id] = id;
    this.#idsHead = 0;
    this.#idsTaken = 0;
    this.#idsTail = 0;
    this.#back = 0;
    this.#free = this.size;
    // Both wrap counters begin as 1 (§2.8.1).
    this.#availSlot = 0;
    this.#availFlags = VIRTQ_DESC_F_AVAIL;
    this.#added = 0;
    this.#unpublished = 0;
    this.#usedSlot = 0;
    this.#usedFlags = BOTH;
    this.#outstanding = 0;
    this.#foundBad = false;
    this.#oldestId = 0;
    this.broken = false;
    this.usedLength = 0;
  }

  release(): void {
    this.#memory.release();
  }

  get free(): number {
    return this.#free;
  }

  get unpublished(): number {
    return this.#unpublished;
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
    const id = this.#takeId(token, this.descriptorsFor(count), staged.writable);
    if (this.#slots[id] < count && this.#tables !== null) {
      const table = this.#tables.write(id, staged);
      this.#describe(table, DESCRIPTOR_BYTES * count, id | VIRTQ_DESC_F_INDIRECT);
    } else {
      for (let i = 0; i < count; i++) {
        const next = i + 1 < count ? VIRTQ_DESC_F_NEXT : 0;
        const write = staged.deviceWrites[i] === 1 ? VIRTQ_DESC_F_WRITE : 0;
        this.#describe(staged.offsets[i], staged.lengths[i], id | next | write);
      }
    }
    staged.clear();
  }

  post(offset: number, length: number, deviceWrites: boolean, token: T): void {
    const id = this.#takeId(token, 1, deviceWrites ? length : 0);
    this.#describe(offset, length, deviceWrites ? id | VIRTQ_DESC_F_WRITE : id);
  }

  postBurst(
    this: PackedVirtqueue<Netbuf>,
    netbufs: readonly Netbuf[],
    from: number,
    count: number,
    headerBytes: number,
    deviceWrites: boolean,
  ): void {
    if (count === 0) return;
    const { size } = this;
    const u32 = this.#u32;
    const { low, high, carry } = this.#address;
    const descriptors32 = this.#descriptors32;
    const ids = this.#ids;
    const tokens = this.#tokens;
    const slots = this.#slots;
    const writable = this.#writable;
    const inOrder = this.#inOrder;
    const write = deviceWrites === true ? VIRTQ_DESC_F_WRITE : 0;
    let availFlags = this.#availFlags;
    let slot = this.#availSlot;
    let head = this.#idsHead;
    // The flags of the first one since the last publish are held back.
    let isFirst = this.#added === 0;
    for (let i = 0; i < count; i = i + 1 | 0) {
      const id = ids[head];
      head = head + 1 | 0;
      if (head === size) head = 0;
      const netbuf = netbufs[from + i | 0];
      const start = netbuf.data - headerBytes | 0;
      const length = write === 0 ? netbuf.length + headerBytes | 0 : netbuf.end - start | 0;
      const word = descriptors32 + 4 * slot | 0;
      const last = id | write | availFlags;
      u32[word] = low + start | 0;
      u32[word + 1 | 0] = start < carry ? high : high + 1 | 0;
      u32[word + 2 | 0] = length;
      if (isFirst === true) {
        isFirst = false;
        this.#firstWord = word + 3 | 0;
        this.#firstFlags = last;
      } else {
        u32[word + 3 | 0] = last;
      }
      tokens[id] = netbuf;
      slots[id] = 1;
      if (inOrder === true) writable[id] = write === 0 ? 0 : length;
      slot = slot + 1 | 0;
      if (slot === size) {
        slot = 0;
        availFlags = availFlags ^ BOTH;
      }
    }
    this.#availFlags = availFlags;
    this.#availSlot = slot;
    this.#idsHead = head;
    this.#free -= count;
    this.#added += count;
    this.#outstanding += count;
    this.#unpublished += count;
  }

  /** The id of a buffer that is lent from here on. */
  #takeId(token: T, slots: number, writable: number): number {
    const head = this.#idsHead;
    const id = this.#ids[head];
    this.#idsHead = head + 1 === this.size ? 0 : head + 1;
    this.#free -= slots;
    this.#tokens[id] = token;
    this.#slots[id] = slots;
    this.#writable[id] = writable;
    this.#outstanding++;
    this.#unpublished++;
    return id;
  }

  /** Writes the next descriptor of the ring: the device sees none before it sees the first one. */
  #describe(offset: number, length: number, idAndFlags: number): void {
    const slot = this.#availSlot;
    const word = this.#descriptors32 + 4 * slot;
    const { low, high, carry } = this.#address;
    const u32 = this.#u32;
    const last = idAndFlags | this.#availFlags;
    u32[word] = low + offset;
    u32[word + 1] = offset < carry ? high : high + 1;
    u32[word + 2] = length;
    if (this.#added === 0) {
      this.#firstWord = word + 3;
      this.#firstFlags = last;
    } else {
      u32[word + 3] = last;
    }
    this.#added++;
    if (slot + 1 < this.size) {
      this.#availSlot = slot + 1;
    } else {
      this.#availSlot = 0;
      this.#availFlags ^= BOTH;
    }
  }

  publish(): boolean {
    const added = this.#added;
    if (added === 0) return false;
    // The flags of the first descriptor show all of them. Atomics.store is a release and a full
    // fence (§2.8.21.1, §2.8.21.2): descriptors are seen before, and the device's wish is read after.
    Atomics.store(this.#u32, this.#firstWord, this.#firstFlags);
    this.#added = 0;
    this.#unpublished = 0;
    const wish = load32(this.#i32, this.#deviceEvent32);
    const flags = wish & RING_EVENT_FLAGS;
    if (flags === RING_EVENT_FLAGS_DISABLE) return false;
    if (flags !== RING_EVENT_FLAGS_DESC || !this.#eventIndex) return true;
    const now = this.#availSlot;
    // An event of the lap before lies that much further back. All of it modulo 2^16.
    const isThisLap =
      ((wish & EVENT_WRAP) !== 0) === ((this.#availFlags & VIRTQ_DESC_F_AVAIL) !== 0);
    const event = (wish & EVENT_OFFSET) - (isThisLap ? 0 : this.size);
    return passedEvent(event, now, now - added);
  }

  usedCount(): number {
    if (this.broken === true) return 0;
    if (this.#outstanding > 0 && this.#foundBad === false) {
      if (this.#inOrder === true) this.#lookInOrder();
      else this.#lookForUsed();
    }
    return this.#back;
  }

  /** Moves the buffers that the device has used into the queue of those that are back. */
  #lookForUsed(): void {
    const { size } = this;
    const u32 = this.#u32;
    const i32 = this.#i32;
    const ids = this.#ids;
    const lengths = this.#lengths;
    const slots = this.#slots;
    const descriptors32 = this.#descriptors32;
    const most = this.#outstanding;
    let tail = this.#idsTail;
    let slot = this.#usedSlot;
    let flags = this.#usedFlags;
    let found = 0;
    let isBad = false;
    let last = load32(i32, descriptors32 + 4 * slot + 3 | 0);
    while ((last & BOTH) === flags) {
      // Id and flags are one word, so they are of the same moment. The length is read after them.
      const id = last & 0xffff;
      const taken = id < size ? slots[id] : 0;
      isBad = taken <= 0;
      if (isBad === true) break;
      ids[tail] = id;
      lengths[tail] = u32[descriptors32 + 4 * slot + 2 | 0];
      tail = tail + 1 | 0;
      if (tail === size) tail = 0;
      slots[id] = -taken;
      slot = slot + taken | 0;
      if (slot >= size) {
        slot = slot - size | 0;
        flags = flags ^ BOTH;
      }
      found = found + 1 | 0;
      if (found === most) break;
      last = load32(i32, descriptors32 + 4 * slot + 3 | 0);
    }
    this.#idsTail = tail;
    this.#usedSlot = slot;
    this.#usedFlags = flags;
    this.#back += found;
    this.#outstanding -= found;
    if (isBad) this.#pushBad();
  }

  /** The same in order, where a descriptor tells of buffers before its own. */
  #lookInOrder(): void {
    while (this.#outstanding > 0) {
      const word = this.#descriptors32 + 4 * this.#usedSlot;
      const last = load32(this.#i32, word + 3);
      if ((last & BOTH) !== this.#usedFlags) return;
      const id = last & 0xffff;
      if (id >= this.size || this.#slots[id] <= 0) return this.#pushBad();
      const length = this.#u32[word + 2];
      this.#pushSkipped(id);
      this.#push(id, length);
    }
  }

  /** The buffer is back. The next used descriptor is as many slots on as it has. */
  #push(id: number, length: number): void {
    const { size } = this;
    const tail = this.#idsTail;
    this.#ids[tail] = id;
    this.#lengths[tail] = length;
    this.#idsTail = tail + 1 === size ? 0 : tail + 1;
    this.#back++;
    this.#outstanding--;
    const slots = this.#slots[id];
    this.#slots[id] = -slots;
    const slot = this.#usedSlot + slots;
    if (slot < size) {
      this.#usedSlot = slot;
    } else {
      this.#usedSlot = slot - size;
      this.#usedFlags ^= BOTH;
    }
  }

  /**
   * With VIRTIO_F_IN_ORDER one used descriptor stands for the buffers before it, too, which were then
   * used whole (§2.8.9): those from the oldest up to `id`, which is lent.
   */
  #pushSkipped(id: number): void {
    let oldest = this.#oldestId;
    for (; oldest !== id; oldest = oldest + 1 === this.size ? 0 : oldest + 1) {
      this.#push(oldest, this.#writable[oldest]);
    }
    this.#oldestId = id + 1 === this.size ? 0 : id + 1;
  }

  /** Behind those that are back comes what can't be, and nothing after it. */
  #pushBad(): void {
    this.#ids[this.#idsTail] = this.size;
    this.#back++;
    this.#foundBad = true;
  }

  takeUsed(): T | null {
    const { size } = this;
    const taken = this.#idsTaken;
    const id = this.#ids[taken];
    if (this.#back === 0 || id === size) {
      this.broken = true;
      return null;
    }
    this.#idsTaken = taken + 1 === size ? 0 : taken + 1;
    this.#back--;
    this.usedLength = this.#lengths[taken];
    this.#free -= this.#slots[id];
    this.#slots[id] = 0;
    return this.#tokens[id];
  }

  takeBurst(tokens: T[], lengths: Uint32Array | null, count: number): number {
    const { size } = this;
    const ids = this.#ids;
    const ofIds = this.#lengths;
    const lent = this.#tokens;
    const slots = this.#slots;
    const most = count < this.#back ? count : this.#back;
    let taken = this.#idsTaken;
    let freed = 0;
    let i = 0;
    for (; i < most; i = i + 1 | 0) {
      const id = ids[taken];
      if (id === size) break;
      const token = lent[id];
      if (token === null) break;
      if (lengths !== null) lengths[i] = ofIds[taken];
      tokens[i] = token;
      freed = freed - slots[id] | 0;
      slots[id] = 0;
      taken = taken + 1 | 0;
      if (taken === size) taken = 0;
    }
    this.#idsTaken = taken;
    this.#back -= i;
    this.#free += freed;
    if (i < count) this.broken = true;
    return i;
  }

  enableInterrupts(): boolean {
    if (this.broken) return true;
    this.#interrupts.enable(this.#usedSlot, (this.#usedFlags & VIRTQ_DESC_F_USED) !== 0);
    // That is a full fence, too: the device either sees the wish or has used the descriptor before.
    const last = Atomics.load(this.#i32, this.#descriptors32 + 4 * this.#usedSlot + 3);
    const isUsed = this.#outstanding > 0 && (last & BOTH) === this.#usedFlags;
    if (!isUsed && this.#back === 0) return true;
    this.disableInterrupts();
    return false;
  }

  disableInterrupts(): void {
    this.#interrupts.disable();
  }

  reclaim(): T | null {
    for (let id = 0; id < this.size; id++) {
      if (this.#slots[id] === 0) continue;
      this.#slots[id] = 0;
      return this.#tokens[id];
    }
    return null;
  }
}
