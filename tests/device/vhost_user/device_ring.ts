import type { GuestMemory } from "./guest_memory.ts";
import { PackedDeviceRing } from "./packed_device_ring.ts";
import { SplitDeviceRing } from "./split_device_ring.ts";

/** Where the parts of a ring begin in the memory, by offset, and how it is used. */
export interface DeviceRingPlace {
  /** Entries. */
  readonly size: number;
  readonly descriptors: number;
  /** The available ring, or the driver's event suppression. */
  readonly driverArea: number;
  /** The used ring, or the device's event suppression. */
  readonly deviceArea: number;
  /** Where to go on, as GET_VRING_BASE gave it. */
  readonly base: number;
  /** Whether VIRTIO_F_EVENT_IDX was negotiated. */
  readonly eventIndex: boolean;
}

/**
 * The device's side of a virtqueue in the memory of another process, for speed: nothing is allocated,
 * and a burst reads one index and writes one. What the driver wrote is read once and bounded; what
 * breaks a rule ends in a `BackEndError`.
 *
 * Buffers go back in the order in which they came: one is taken by {@link next}, and goes back by
 * {@link use} before the next one is taken. The driver sees all that went back at {@link publish}.
 */
export interface DeviceRing {
  readonly size: number;
  /** Descriptors of the buffer that was taken last, 1 or more: those to be read come first. */
  readonly pieces: number;
  /** Those of them that are to be read. */
  readonly readable: number;
  /** Where its first descriptor points, as an offset into the memory, and how long that is. */
  readonly offset: number;
  readonly length: number;
  /** The same of all of them. */
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  /** Whether a buffer is there to be taken. Looks at the ring only when none is known to be. */
  ready(): boolean;
  /** Takes the next buffer, one that {@link ready} has seen. */
  next(): void;
  /** Gives the buffer that was taken last back, with `length` bytes written. */
  use(length: number): void;
  /** Lets the driver see what went back; whether it wants to be interrupted for it. */
  publish(): boolean;
  /** Asks to be notified of what becomes available behind that which was seen, or not to be. */
  wantKicks(on: boolean): void;
  /** What GET_VRING_BASE answers. */
  readonly base: number;
}

/** The ring of that format at that place. `BackEndError` when it can't be. */
export function createDeviceRing(
  memory: GuestMemory,
  packed: boolean,
  place: DeviceRingPlace,
): DeviceRing {
  return packed ? new PackedDeviceRing(memory, place) : new SplitDeviceRing(memory, place);
}
