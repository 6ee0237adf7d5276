import type { AvailableBuffer as LentBuffer } from "./ring_device.ts";

export type { AvailableBuffer as LentBuffer } from "./ring_device.ts";

/**
 * The far side of a virtqueue that can do everything a hostile device can. It remembers what it was
 * lent in private memory, so that nothing it does to the shared memory keeps it from being honest
 * again. What it tells the driver, rightly or not, it counts as *claims*: of a buffer that was
 * claimed the driver may think that it's its own again, and of no other.
 */
export interface HostileRing {
  readonly size: number;
  /** Buffers lent and not taken back, by id, the oldest first. */
  readonly lent: ReadonlyMap<number, LentBuffer>;
  /** Buffers are to be given back in the order that they came in (VIRTIO_F_IN_ORDER). */
  readonly inOrder: boolean;
  /** It doesn't know any more where the driver looks next: nothing helps but a reset. */
  readonly lostTrack: boolean;
  /** Is told of each read of the driver, where somebody watches. */
  wasRead?(offset: number): void;
  /** It said what no driver may believe: the queue has to be given up. */
  readonly mustBreak: boolean;
  /**
   * What the driver lent since the last call. Throws when that breaks a rule. In the middle of a burst
   * an id may be in use again, of a buffer that is on its way to the caller: `onReturned` is told.
   */
  collect(onReturned: (buffer: LentBuffer) => void): LentBuffer[];
  /** How often the driver was told that it may have this one back, and has not acted upon it. */
  claims(id: number): number;
  /** The driver acts as though it had a buffer back. False when it wasn't told so. */
  consume(id: number): boolean;
  /** Says that a buffer was used, as soon as {@link show} is called. */
  put(id: number, length: number): void;
  /** Says so of all of these, the next ones in order, by naming the last one (§2.7.9, §2.8.9). */
  putBatch(ids: readonly number[], length: number): void;
  /** Lets the driver see what was put; whether it wants to be interrupted for it. */
  show(): boolean;
  /** Wants notifications, or none. */
  wantKicks(on: boolean): void;
  /** Pretends `by` more uses, or fewer, without writing any. */
  jump(by: number): void;
  /** Overwrites what the driver wrote: descriptors and what says that they're available. */
  scribble(word: number): void;
  /** Says nonsense about when it wants to be notified. */
  confuse(word: number): void;
}
