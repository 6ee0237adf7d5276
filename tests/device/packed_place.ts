import { VIRTQ_DESC_F_AVAIL, VIRTQ_DESC_F_USED } from "./descriptor_flags.ts";

/** Flags of event suppression (virtio 1.2 §2.8.10): of every descriptor, of none, of one place. */
export const RING_EVENT_FLAGS_ENABLE = 0;
export const RING_EVENT_FLAGS_DISABLE = 1;
export const RING_EVENT_FLAGS_DESC = 2;

/** A place in a packed ring, with the wrap counter that goes with it (virtio 1.2 §2.8.1). */
export class PackedPlace {
  slot: number;
  wrap: boolean;

  /** The first one, unless it's another. */
  constructor(slot = 0, wrap = true) {
    this.slot = slot;
    this.wrap = wrap;
  }

  /** As event suppression names it (§2.8.10). */
  get offWrap(): number {
    return this.slot | (this.wrap ? 0x8000 : 0);
  }

  /** The flags that make a descriptor a used one here. */
  get usedFlags(): number {
    return this.wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
  }

  /** Whether these flags make a descriptor an available one here. */
  isAvailable(flags: number): boolean {
    return ((flags & VIRTQ_DESC_F_AVAIL) !== 0) === this.wrap &&
      ((flags & VIRTQ_DESC_F_USED) !== 0) !== this.wrap;
  }

  /** Goes on to the next one, in a ring of `size`. */
  advance(size: number): void {
    this.slot++;
    if (this.slot < size) return;
    this.slot = 0;
    this.wrap = !this.wrap;
  }
}
