import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { DmaArena } from "../../netdev/dma_arena.ts";
import { allocSplitRing, type Piece } from "./split_ring_memory.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** Descriptor flags (virtio 1.2 §2.7.5). */
const VIRTQ_DESC_F_NEXT = 1;
const VIRTQ_DESC_F_WRITE = 2;

/** In the driver area: the device need not interrupt (§2.7.6). */
const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
/** In the device area: the driver need not notify (§2.7.8). */
const VIRTQ_USED_F_NO_NOTIFY = 1;

const USED_ELEMENT_BYTES = 8;

/** No descriptor: the end of a list. */
const NONE = 0xffff;

/** Whether an index that moved from `before` to `now` passed `event` (§2.7.10, vring_need_event). */
export function passedEvent(event: number, now: number, before: number): boolean {
  // All of it modulo 2^16: `now - 1` is the last entry that was added.
  return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
}

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
  /** The device gave back what it wasn't lent, or more than it was lent. */
  broken = false;
  /** Bytes that the device says it wrote into the buffer that {@link takeUsed} returned. Unchecked. */
  usedLength = 0;

  readonly #arena: DmaArena;
  readonly #region: DmaRegion;
  /** What it has of the arena. */
  readonly #pieces: readonly Piece[];
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #mask: number = 0;
  readonly #eventIndex: boolean = false;
  /** Element numbers, in the 16-bit or 32-bit view of the region. */
  readonly #descriptors32: number = 0;
  readonly #availFlags16: number = 0;
  readonly #availIndex16: number = 0;
  readonly #availRing16: number = 0;
  readonly #usedEvent16: number = 0;
  readonly #usedFlags16: number = 0;
  readonly #usedIndex16: number = 0;
  readonly #usedRing32: number = 0;
  readonly #availEvent16: number = 0;

  /** Shadow of the descriptors: the link to the next one, of a posted chain or of the free list. */
  readonly #next: Uint16Array = new Uint16Array(0);
  /** Descriptors of the chain posted at this head; 0 when none is. */
  readonly #chainLength: Uint16Array = new Uint16Array(0);
  readonly #tokens: (T | null)[] = [];
  #freeHead = 0;
  #free = 0;
  /** The chain being staged. */
  #stagedHead = NONE;
  #stagedTail = NONE;
  #stagedLength = 0;
  #stagedTailFlags = 0;
  /** Index of the available ring: as staged, and as the device was last asked about. */
  #availIndex = 0;
  #notifiedIndex = 0;
  #usedIndex = 0;
  #outstanding = 0;

  /**
   * Makes an empty queue of `size` entries (a power of two) in memory from `arena`; in one piece with
   * a `ringAlign`, which is the transport's.
   */
  constructor(
    arena: DmaArena,
    size: number,
    eventIndex: boolean,
    { ringAlign = null }: { readonly ringAlign?: number | null } = {},
  ) {
    const { region } = arena;
    const { pieces, descriptors, driverArea, deviceArea } = allocSplitRing(arena, size, ringAlign);
    this.size = size;
    this.addresses = {
      size,
      descriptorArea: region.deviceAddress(descriptors),
      driverArea: region.deviceAddress(driverArea),
      deviceArea: region.deviceAddress(deviceArea),
    };
    this.#arena = arena;
    this.#region = region;
    this.#pieces = pieces;
    this.#u16 = region.u16;
    this.#u32 = region.u32;
    this.#mask = size - 1;
    this.#eventIndex = eventIndex;
    this.#descriptors32 = descriptors >>> 2;
    this.#availFlags16 = driverArea >>> 1;
    this.#availIndex16 = this.#availFlags16 + 1;
    this.#availRing16 = this.#availFlags16 + 2;
    this.#usedEvent16 = this.#availRing16 + size;
    this.#usedFlags16 = deviceArea >>> 1;
    this.#usedIndex16 = this.#usedFlags16 + 1;
    this.#usedRing32 = (deviceArea + 4) >>> 2;
    this.#availEvent16 = (deviceArea + 4 + USED_ELEMENT_BYTES * size) >>> 1;
    this.#next = new Uint16Array(size);
    this.#chainLength = new Uint16Array(size);
    this.#tokens = new Array<T | null>(size).fill(null);
    this.#free = size;
    this.reset();
  }

  /**
   * Empties it, as it is to be handed to a device that was reset: shadow state and shared memory.
   * What was posted is forgotten, so {@link reclaim} it before.
   */
  reset(): void {
    const { size } = this;
    for (const { offset, byteLength } of this.#pieces) {
      this.#u16.fill(0, offset >>> 1, (offset + byteLength) >>> 1);
    }
    for (let i = 0; i < size; i++) this.#next[i] = i + 1 < size ? i + 1 : NONE;
    this.#chainLength.fill(0);
    this.#tokens.fill(null);
    this.#freeHead = 0;
    this.#free = size;
    this.#stagedHead = NONE;
    this.#stagedTail = NONE;
    this.#stagedLength = 0;
    this.#stagedTailFlags = 0;
    this.#availIndex = 0;
    this.#notifiedIndex = 0;
    this.#usedIndex = 0;
    this.#outstanding = 0;
    this.broken = false;
    this.usedLength = 0;
  }

  /** Gives its memory back to the arena, once no device knows of it. It can't be used any more. */
  release(): void {
    for (const { offset } of this.#pieces) this.#arena.free(offset);
  }

  /** Descriptors that are free. */
  get free(): number {
    return this.#free;
  }

  /** Buffers posted since the last {@link publish}. */
  get unpublished(): number {
    return (this.#availIndex - this.#notifiedIndex) & 0xffff;
  }

  /**
   * Adds `length` bytes at `offset` of the region to the buffer being staged, for the device to read
   * or to write. At least one descriptor must be {@link free}.
   */
  stage(offset: number, length: number, deviceWrites: boolean): void {
    const flags = deviceWrites ? VIRTQ_DESC_F_WRITE : 0;
    const head = this.#describe(offset, length, flags);
    if (this.#stagedHead === NONE) {
      this.#stagedHead = head;
    } else {
      // flags and next share a word: 16 bits each.
      this.#u32[this.#descriptors32 + 4 * this.#stagedTail + 3] = this.#stagedTailFlags |
        VIRTQ_DESC_F_NEXT | head << 16;
      this.#next[this.#stagedTail] = head;
    }
    this.#stagedTail = head;
    this.#stagedTailFlags = flags;
    this.#stagedLength++;
  }

  /** Posts the staged buffer. The device may look at it after the next {@link publish}. */
  commit(token: T): void {
    this.#offer(this.#stagedHead, this.#stagedLength, token);
    this.#stagedHead = NONE;
    this.#stagedLength = 0;
  }

  /** {@link stage} and {@link commit} of a buffer in one piece, which nothing is staged before. */
  post(offset: number, length: number, deviceWrites: boolean, token: T): void {
    this.#offer(this.#describe(offset, length, deviceWrites ? VIRTQ_DESC_F_WRITE : 0), 1, token);
  }

  /** Writes a descriptor, the last of its chain so far, and returns its number. */
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
  #offer(head: number, chainLength: number, token: T): void {
    this.#u16[this.#availRing16 + (this.#availIndex & this.#mask)] = head;
    this.#availIndex = (this.#availIndex + 1) & 0xffff;
    this.#tokens[head] = token;
    this.#chainLength[head] = chainLength;
    this.#outstanding++;
  }

  /** Lets the device see what was posted, if anything; whether it has asked to be notified of that. */
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

  /** Buffers that the device has given back. 0, and {@link broken}, when it claims more than it has. */
  usedCount(): number {
    const count = (Atomics.load(this.#u16, this.#usedIndex16) - this.#usedIndex) & 0xffff;
    if (count <= this.#outstanding && !this.broken) return count;
    this.broken = true;
    return 0;
  }

  /**
   * Takes the next buffer that the device has given back, and frees its descriptors. Call it as often
   * as {@link usedCount} said. null, and {@link broken}, when the device names none that it had.
   */
  takeUsed(): T | null {
    const element = this.#usedRing32 + 2 * (this.#usedIndex & this.#mask);
    const head = this.#u32[element];
    const length = this.#u32[element + 1];
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
    this.#next[tail] = this.#freeHead;
    this.#freeHead = head;
    this.#free += chainLength;
    this.#outstanding--;
    return token;
  }

  /**
   * Asks for an interrupt at the next used buffer; false, and not armed, when one is there already.
   * Of a {@link broken} queue nothing will come: who polled on would do so for ever.
   */
  enableInterrupts(): boolean {
    if (this.broken) return true;
    if (this.#eventIndex) Atomics.store(this.#u16, this.#usedEvent16, this.#usedIndex);
    else Atomics.store(this.#u16, this.#availFlags16, 0);
    // The store is a full fence: the device either sees the wish or has moved its index before.
    if (Atomics.load(this.#u16, this.#usedIndex16) === this.#usedIndex) return true;
    this.disableInterrupts();
    return false;
  }

  /** Asks for no interrupts. Some may come all the same. */
  disableInterrupts(): void {
    if (this.#eventIndex) {
      // An index that was passed just now is not passed again for another 65,535 buffers.
      Atomics.store(this.#u16, this.#usedEvent16, (this.#usedIndex - 1) & 0xffff);
    } else {
      Atomics.store(this.#u16, this.#availFlags16, VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
  }

  /** Takes every posted buffer back from a device that was reset, one a call, null when none is left. */
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
