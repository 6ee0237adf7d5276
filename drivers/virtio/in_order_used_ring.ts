import type { SplitRingMemory } from "./split_ring_memory.ts";

/**
 * The used ring of a split virtqueue with VIRTIO_F_IN_ORDER: there an element stands for the buffers
 * before it, too, which were then used whole (virtio 1.2 §2.7.9). It's where the first of them would
 * be, and the next one follows where the batch ends. So there's a private copy that has an element
 * for each buffer.
 */
export class InOrderUsedRing {
  /** The copy: `size` × { head, length }, where the device would have written them. */
  readonly used32: Uint32Array;
  readonly #shared32: Uint32Array;
  readonly #sharedRing32: number;
  readonly #size: number;
  readonly #mask: number;
  /** Of the queue, by head: descriptors of the chain, and bytes of it that the device may write. */
  readonly #chainLength: Uint16Array;
  readonly #writable: Uint32Array;
  /** Up to where the copy is filled, and the head of the buffer that comes next. */
  #seenIndex = 0;
  #oldestHead = 0;

  /** For the queue of this memory, which keeps `chainLength` and `writable` of each head that it posts. */
  constructor(memory: SplitRingMemory, chainLength: Uint16Array, writable: Uint32Array) {
    const size = writable.length;
    this.used32 = new Uint32Array(2 * size);
    this.#shared32 = memory.u32;
    this.#sharedRing32 = memory.usedRing32;
    this.#size = size;
    this.#mask = size - 1;
    this.#chainLength = chainLength;
    this.#writable = writable;
  }

  /** Begins anew, as the queue does. */
  reset(): void {
    this.#seenIndex = 0;
    this.#oldestHead = 0;
  }

  /**
   * Fills the copy up to the device's `index`, by which `count` weren't taken yet, from `usedIndex` on.
   * False when that's behind what was seen.
   */
  unfold(index: number, usedIndex: number, count: number): boolean {
    if (((this.#seenIndex - usedIndex) & 0xffff) > count) return false;
    while (this.#seenIndex !== index) {
      const shared = this.#sharedRing32 + 2 * (this.#seenIndex & this.#mask);
      const id = this.#shared32[shared];
      const length = this.#shared32[shared + 1];
      // Which one it is, of those that it can be. Not to find it is to find no buffer, too.
      let head = this.#oldestHead;
      while (head !== id && this.#seenIndex !== ((index - 1) & 0xffff)) {
        this.#see(head, this.#writable[head]);
        head = this.#oldestHead;
      }
      this.#see(head === id ? head : this.#size, length);
    }
    return true;
  }

  /** The oldest buffer was used; `head` is its own, or `size` where the device named another. */
  #see(head: number, length: number): void {
    const element = 2 * (this.#seenIndex & this.#mask);
    this.used32[element] = head;
    this.used32[element + 1] = length;
    this.#seenIndex = (this.#seenIndex + 1) & 0xffff;
    // Descriptors are used in the order of the table: the next buffer begins behind this one.
    this.#oldestHead = (this.#oldestHead + this.#chainLength[this.#oldestHead]) & this.#mask;
  }
}
