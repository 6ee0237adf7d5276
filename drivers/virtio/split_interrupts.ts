import type { SplitRingMemory } from "./split_ring_memory.ts";

/** In the driver area: the device need not interrupt (virtio 1.2 §2.7.6). */
const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

/**
 * When the device of a split virtqueue is to interrupt (virtio 1.2 §2.7.7): by a flag, or, with
 * VIRTIO_F_EVENT_IDX, by the index that it's to pass.
 */
export class SplitInterrupts {
  readonly #memory: SplitRingMemory;
  readonly #eventIndex: boolean;

  constructor(memory: SplitRingMemory, eventIndex: boolean) {
    this.#memory = memory;
    this.#eventIndex = eventIndex;
  }

  /** Asks for one when an element is used behind `usedIndex`; false when one is there already. */
  enable(usedIndex: number): boolean {
    const { u16, usedEvent16, availFlags16, usedIndex16 } = this.#memory;
    if (this.#eventIndex) Atomics.store(u16, usedEvent16, usedIndex);
    else Atomics.store(u16, availFlags16, 0);
    // The store is a full fence: the device either sees the wish or has moved its index before.
    return Atomics.load(u16, usedIndex16) === usedIndex;
  }

  /** Asks for none; `usedIndex` is that of the next used element. */
  disable(usedIndex: number): void {
    const { u16, usedEvent16, availFlags16 } = this.#memory;
    if (this.#eventIndex) {
      // An index that was passed just now is not passed again for another 65,535 buffers.
      Atomics.store(u16, usedEvent16, (usedIndex - 1) & 0xffff);
    } else {
      Atomics.store(u16, availFlags16, VIRTQ_AVAIL_F_NO_INTERRUPT);
    }
  }
}
