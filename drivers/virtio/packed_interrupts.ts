import * as events from "./packed_event.ts";
import type { PackedRingMemory } from "./packed_ring_memory.ts";

const { EVENT_WRAP, RING_EVENT_FLAGS_DESC, RING_EVENT_FLAGS_DISABLE, RING_EVENT_FLAGS_ENABLE } =
  events;

/**
 * When the device of a packed virtqueue is to interrupt (virtio 1.2 §2.8.10): always, never, or, with
 * VIRTIO_F_EVENT_IDX, at one descriptor.
 */
export class PackedInterrupts {
  readonly #memory: PackedRingMemory;
  readonly #eventIndex: boolean;

  constructor(memory: PackedRingMemory, eventIndex: boolean) {
    this.#memory = memory;
    this.#eventIndex = eventIndex;
  }

  /** Asks for one when this slot is used, in a lap with the wrap counter at 1 or at 0. */
  enable(slot: number, wrap: boolean): void {
    const { u32, driverEvent32 } = this.#memory;
    const wish = this.#eventIndex
      ? RING_EVENT_FLAGS_DESC | (wrap ? EVENT_WRAP : 0) | slot
      : RING_EVENT_FLAGS_ENABLE;
    Atomics.store(u32, driverEvent32, wish);
  }

  /** Asks for none. */
  disable(): void {
    const { u32, driverEvent32 } = this.#memory;
    Atomics.store(u32, driverEvent32, RING_EVENT_FLAGS_DISABLE);
  }
}
