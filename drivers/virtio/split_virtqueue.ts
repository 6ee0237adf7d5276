import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { InOrderUsedRing } from "./in_order_used_ring.ts";
import type { IndirectTables } from "./indirect_tables.ts";
import * as loadOrder from "./load_order.ts";
import * as passedEvents from "./passed_event.ts";
import { RegionAddress } from "./region_address.ts";
import { SplitInterrupts } from "./split_interrupts.ts";
import { SplitRingMemory } from "./split_ring_memory.ts";
import { StagedPieces } from "./staged_pieces.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";
import type { Virtqueue, VirtqueueOptions } from "./virtqueue.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { load16 } = loadOrder;
const { passedEvent } = passedEvents;

/** Descriptor flags (virtio 1.2 §2.7.5). */
const VIRTQ_DESC_F_NEXT = 1;
const VIRTQ_DESC_F_WRITE = 2;
const VIRTQ_DESC_F_INDIRECT = 4;

/** In the device area: the driver need not notify (§2.7.8). */
const VIRTQ_USED_F_NO_NOTIFY = 1;

const DESCRIPTOR_BYTES = 16;

/**
 * A split virtqueue (virtio 1.2 §2.7), in memory that is laid out as {@link SplitRingMemory} shows. The
 * driver posts buffers in the available ring, and the device gives them back in the used ring, in its
 * own order.
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

  readonly #memory: SplitRingMemory;
  readonly #interrupts: SplitInterrupts;
  readonly #address: RegionAddress;
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #mask: number = 0;
  readonly #eventIndex: boolean = false;
  readonly #inOrder: boolean = false;
  readonly #inOrderUsed: InOrderUsedRing | null = null;
  readonly #tables: IndirectTables | null = null;
  readonly #staged: StagedPieces;
  /** Element numbers, in the 16-bit or 32-bit view of the region. */
  readonly #descriptors32: number = 0;
  readonly #availIndex16: number = 0;
  readonly #availRing16: number = 0;
  readonly #usedFlags16: number = 0;
  readonly #usedIndex16: number = 0;
  readonly #availEvent16: number = 0;

  /**
   * Where used elements are taken from, and the number of the first: the ring itself; or, in order,
   * a private copy that has those the device has skipped.
   */
  readonly #used32: Uint32Array = new Uint32Array(0);
  readonly #usedRing32: number = 0;

  /** Shadow of the descriptors: the link to the next one of a posted chain. */
  readonly #next: Uint16Array = new Uint16Array(0);
  /** Descriptors of the chain that is posted at this head, or else 1; and how many are longer than that. */
  readonly #chainLength: Uint16Array = new Uint16Array(0);
  #chains = 0;
  #otherHead = 0;
  /** Bytes of it that the device may write: what a buffer was used for that it skipped, in order. */
  readonly #writable: Uint32Array = new Uint32Array(0);
  /** What a lent head's caller wants back; null of all others. */
  readonly #tokens: (T | null)[] = [];
  /**
   * The numbers of free descriptors are a queue, round and round from the head on: whoever gives buffers
   * back in order gets descriptors in the order of the table, as VIRTIO_F_IN_ORDER asks for (§2.7.5.1).
   */
  readonly #freeIds: Uint16Array = new Uint16Array(0);
  #freeHead = 0;
  #free = 0;
  /** Index of the available ring: as staged, and as the device was last asked about. */
  #availIndex = 0;
  #notifiedIndex = 0;
  #usedIndex = 0;
  #outstanding = 0;

  /** Makes an empty queue of `size` entries (a power of two) in memory from `arena`. */
  constructor(
    arena: DmaArena,
    size: number,
    eventIndex: boolean,
    options: VirtqueueOptions = {},
  ) {
    const memory = new SplitRingMemory(arena, size, options);
    this.size = size;
    this.addresses = memory.addresses;
    this.#memory = memory;
    this.#interrupts = new SplitInterrupts(memory, eventIndex);
    this.#address = new RegionAddress(arena.region);
    this.#u16 = memory.u16;
    this.#u32 = memory.u32;
    this.#mask = size - 1;
    this.#eventIndex = eventIndex;
    this.#tables = memory.tables;
    this.#staged = new StagedPieces(size);
    this.#descriptors32 = memory.descriptors32;
    this.#availIndex16 = memory.availIndex16;
    this.#availRing16 = memory.availRing16;
    this.#usedFlags16 = memory.usedFlags16;
    this.#usedIndex16 = memory.usedIndex16;
    this.#availEvent16 = memory.availEvent16;
    this.#next = new Uint16Array(size);
    this.#freeIds = new Uint16Array(size);
    this.#chainLength = new Uint16Array(size);
    this.#writable = new Uint32Array(size);
    this.#inOrder = options.inOrder === true;
    this.#inOrderUsed = this.#inOrder
      ? new InOrderUsedRing(memory, this.#chainLength, this.#writable)
      : null;
    this.#used32 = this.#inOrderUsed?.used32 ?? memory.u32;
    this.#usedRing32 = this.#inOrder ? 0 : memory.usedRing32;
    // Not by new Array(size), which V8 would look for holes in at each load.
    this.#tokens = Array.from({ length: size }, () => null);
    this.#free = size;
    this.reset();
  }

  reset(): void {
    const { size } = this;
    this.#memory.clear();
    this.#inOrderUsed?.reset();
    this.#staged.clear();
    for (let i = 0; i < size; i++) this.#freeIds[i] = i;
    this.#chainLength.fill(1);
    this.#chains = 0;
    this.#tokens.fill(null);
    this.#freeHead = 0;
    this.#free = size;
    this.#availIndex = 0;
    this.#notifiedIndex = 0;
    this.#usedIndex = 0;
    this.#outstanding = 0;
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
    const descriptors = this.descriptorsFor(count);
    const head = this.#freeIds[this.#freeHead];
    if (descriptors < count && this.#tables !== null) {
      const table = this.#tables.write(head, staged);
      this.#describe(table, DESCRIPTOR_BYTES * count, VIRTQ_DESC_F_INDIRECT);
    } else {
      for (let i = 0; i < count; i++) {
        const write = staged.deviceWrites[i] === 1 ? VIRTQ_DESC_F_WRITE : 0;
        const id = this.#freeIds[this.#freeHead];
        const next = this.#freeIds[(this.#freeHead + 1) & this.#mask];
        this.#next[id] = next;
        // flags and next share a word: 16 bits each.
        const link = i + 1 < count ? VIRTQ_DESC_F_NEXT | next << 16 : 0;
        this.#describe(staged.offsets[i], staged.lengths[i], write | link);
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
    const head = this.#freeIds[this.#freeHead];
    this.#freeHead = (this.#freeHead + 1) & this.#mask;
    this.#free--;
    const address = this.#address;
    const u32 = this.#u32;
    const word = this.#descriptors32 + 4 * head;
    u32[word] = address.low + offset | 0;
    u32[word + 1] = offset < address.carry ? address.high : address.high + 1;
    u32[word + 2] = length;
    u32[word + 3] = flags;
    return head;
  }

  /** Puts a chain of `chainLength` descriptors into the available ring. */
  #offer(head: number, chainLength: number, writable: number, token: T): void {
    this.#u16[this.#availRing16 + (this.#availIndex & this.#mask)] = head;
    this.#availIndex = (this.#availIndex + 1) & 0xffff;
    this.#tokens[head] = token;
    this.#writable[head] = writable;
    if (chainLength > 1) {
      this.#chainLength[head] = chainLength;
      this.#chains++;
    }
    this.#outstanding++;
  }

  postBurst(
    this: SplitVirtqueue<Netbuf>,
    netbufs: readonly Netbuf[],
    from: number,
    count: number,
    headerBytes: number,
    deviceWrites: boolean,
  ): void {
    const flags = deviceWrites === true ? VIRTQ_DESC_F_WRITE : 0;
    const inOrder = this.#inOrder;
    const writable = this.#writable;
    const u16 = this.#u16;
    const u32 = this.#u32;
    const mask = this.#mask;
    const { low, high, carry } = this.#address;
    const descriptors32 = this.#descriptors32;
    const availRing16 = this.#availRing16;
    const freeIds = this.#freeIds;
    const tokens = this.#tokens;
    const freeHead = this.#freeHead;
    const availIndex = this.#availIndex;
    for (let i = 0; i < count; i = i + 1 | 0) {
      const head = freeIds[freeHead + i & mask];
      const netbuf = netbufs[from + i | 0];
      const start = netbuf.data - headerBytes | 0;
      const length = flags === 0 ? netbuf.length + headerBytes | 0 : netbuf.end - start | 0;
      const word = descriptors32 + 4 * head | 0;
      u32[word] = low + start | 0;
      u32[word + 1 | 0] = start < carry ? high : high + 1 | 0;
      u32[word + 2 | 0] = length;
      u32[word + 3 | 0] = flags;
      u16[availRing16 + (availIndex + i & mask) | 0] = head;
      tokens[head] = netbuf;
      if (inOrder === true) writable[head] = flags === 0 ? 0 : length;
    }
    this.#freeHead = freeHead + count & mask;
    this.#free -= count;
    this.#availIndex = (availIndex + count) & 0xffff;
    this.#outstanding += count;
  }

  publish(): boolean {
    const now = this.#availIndex;
    const before = this.#notifiedIndex;
    // Atomics.store is a release and a full fence (§2.7.13.3.1, §2.7.13.4.1): descriptors and ring
    // are seen before the index, and the device's wish is read after it is. Without the fence a
    // device that stops looking at that very moment is never notified.
    Atomics.store(this.#u16, this.#availIndex16, now);
    this.#notifiedIndex = now;
    const u16 = this.#u16;
    if (this.#eventIndex === true) return passedEvent(load16(u16, this.#availEvent16), now, before);
    return (load16(u16, this.#usedFlags16) & VIRTQ_USED_F_NO_NOTIFY) === 0;
  }

  usedCount(): number {
    const index = load16(this.#u16, this.#usedIndex16);
    const count = (index - this.#usedIndex) & 0xffff;
    const fits = count <= this.#outstanding && this.broken === false;
    if (fits && (this.#inOrder === false || this.#unfold(index, count))) return count;
    this.broken = true;
    return 0;
  }

  /** In order: has {@link #used32} filled up to the device's `index`. False for one that can't be. */
  #unfold(index: number, count: number): boolean {
    return this.#inOrderUsed?.unfold(index, this.#usedIndex, count) ?? true;
  }

  takeUsed(): T | null {
    const element = this.#usedRing32 + 2 * (this.#usedIndex & this.#mask);
    return this.#takeOf(element, this.#used32[element]);
  }

  /** {@link takeUsed} of the used element that says `head`, which isn't read again. */
  #takeOf(element: number, head: number): T | null {
    const token = head >= 0 && head < this.size ? this.#tokens[head] : null;
    if (token === null) {
      this.broken = true;
      return null;
    }
    const chainLength = this.#chainLength[head];
    if (chainLength > 1) {
      this.#chainLength[head] = 1;
      this.#chains--;
    }
    this.#usedIndex = (this.#usedIndex + 1) & 0xffff;
    this.usedLength = this.#used32[element + 1];
    this.#tokens[head] = null;
    const freeTail = this.#freeHead + this.#free;
    let id = head;
    for (let i = 0; i < chainLength; i++) {
      this.#freeIds[(freeTail + i) & this.#mask] = id;
      id = this.#next[id];
    }
    this.#free += chainLength;
    this.#outstanding--;
    return token;
  }

  takeBurst(tokens: T[], lengths: Uint32Array | null, count: number): number {
    let taken = 0;
    for (;;) {
      taken = this.#takeSingles(tokens, lengths, taken, count);
      if (taken === count) return count;
      const element = this.#usedRing32 + 2 * (this.#usedIndex & this.#mask);
      const token = this.#takeOf(element, this.#otherHead);
      if (token === null) return taken;
      if (lengths !== null) lengths[taken] = this.usedLength;
      tokens[taken++] = token;
    }
  }

  /**
   * {@link takeUsed} from `tokens[from]` on, up to what isn't a buffer in one descriptor: the head that it
   * says is {@link #otherHead} then.
   */
  #takeSingles(
    tokens: T[],
    lengths: Uint32Array | null,
    from: number,
    count: number,
  ): number {
    const used32 = this.#used32;
    const usedRing32 = this.#usedRing32;
    const mask = this.#mask;
    const freeIds = this.#freeIds;
    const lent = this.#tokens;
    const chainLength = this.#chainLength;
    const hasChains = this.#chains > 0;
    const usedIndex = this.#usedIndex - from | 0;
    const freeTail = this.#freeHead + this.#free - from | 0;
    let i = from;
    for (; i < count; i = i + 1 | 0) {
      const element = usedRing32 + 2 * (usedIndex + i & mask) | 0;
      // A device's number may be above 2^31, which V8 would give up this code for: so bits are compared.
      const head = used32[element] | 0;
      const token = (head & ~mask) === 0 ? lent[head] : null;
      if (token === null || (hasChains === true && chainLength[head] !== 1)) {
        this.#otherHead = head;
        break;
      }
      if (lengths !== null) lengths[i] = used32[element + 1 | 0];
      tokens[i] = token;
      lent[head] = null;
      freeIds[freeTail + i & mask] = head;
    }
    const taken = i - from | 0;
    this.#usedIndex = (this.#usedIndex + taken) & 0xffff;
    this.#free += taken;
    this.#outstanding -= taken;
    return i;
  }

  enableInterrupts(): boolean {
    if (this.broken || this.#interrupts.enable(this.#usedIndex)) return true;
    this.disableInterrupts();
    return false;
  }

  disableInterrupts(): void {
    this.#interrupts.disable(this.#usedIndex);
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
