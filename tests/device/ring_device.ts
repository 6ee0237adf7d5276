import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { IovaRegion } from "./iova_region.ts";
import { PackedRingDevice } from "./packed_ring_device.ts";
import { SplitRingDevice } from "./split_ring_device.ts";

/** Feature bits that make a ring what it is (virtio 1.2 §6). */
export const VIRTIO_F_INDIRECT_DESC = 1n << 28n;
export const VIRTIO_F_EVENT_IDX = 1n << 29n;
export const VIRTIO_F_RING_PACKED = 1n << 34n;
export const VIRTIO_F_IN_ORDER = 1n << 35n;
export const VIRTIO_F_ACCESS_PLATFORM = 1n << 33n;
export const VIRTIO_F_RING_RESET = 1n << 40n;

/** One descriptor of a chain, with its address as an offset into the region. */
export interface BufferPiece {
  readonly offset: number;
  readonly length: number;
  readonly deviceWrites: boolean;
}

/** A buffer as the driver made it available. */
export interface AvailableBuffer {
  /** What it's given back by: the first descriptor of a chain, or the id in a packed ring. */
  readonly head: number;
  readonly pieces: readonly BufferPiece[];
  /** Descriptors of the ring that it takes: 1 with a table of its own. */
  readonly descriptors: number;
}

/** What was negotiated besides the format and the event index. */
export interface RingDeviceOptions {
  readonly indirect?: boolean;
  readonly inOrder?: boolean;
}

/**
 * The device's side of a virtqueue, whatever its format. It reads what the driver wrote, throws when
 * that breaks a rule, and gives buffers back as it is told: rightly by {@link use}, or wrongly by
 * {@link put} and {@link showIndex} with whatever a test thinks up.
 */
export interface RingDevice {
  readonly size: number;
  /** Buffers that are available and weren't taken yet. */
  readonly available: number;
  /** Takes the next available buffer, null when there is none. */
  take(): AvailableBuffer | null;
  /** Gives a buffer back, into which `length` bytes were written; whether to interrupt for it. */
  use(head: number, length: number): boolean;
  /** Writes the next used element without letting the driver see it. */
  put(id: number, length: number): void;
  /**
   * As {@link put} of all of these, the next ones in order, but written as one, the last: a batch
   * (§2.7.9, §2.8.9). `length` is that of the last, and all others were written whole.
   */
  putBatch(heads: readonly number[], length: number): void;
  /** Lets the driver see what was put; whether it wants to be interrupted for it. */
  show(): boolean;
  /**
   * Writes the used index, be it right or not. A packed ring has none: there it's a used descriptor
   * of a buffer that isn't lent.
   */
  showIndex(index: number): void;
  /** Asks to be notified of the next available buffer, or not to be for a long time. */
  wantKicks(on: boolean): void;
  /** Overwrites the descriptors that are lent; a device must not do that, but for used ones. */
  scribbleDescriptors(byte: number): void;
}

/** The device's side of a queue, of the format and with the mechanisms that were accepted. */
export function createRingDevice(
  region: IovaRegion,
  addresses: VirtqueueAddresses,
  accepted: bigint,
): RingDevice {
  const has = (feature: bigint): boolean => (accepted & feature) !== 0n;
  const Ring = has(VIRTIO_F_RING_PACKED) ? PackedRingDevice : SplitRingDevice;
  return new Ring(region, addresses, has(VIRTIO_F_EVENT_IDX), {
    indirect: has(VIRTIO_F_INDIRECT_DESC),
    inOrder: has(VIRTIO_F_IN_ORDER),
  });
}
