import type { Netbuf } from "../../netdev/netbuf.ts";
import type { VirtqueueAddresses } from "./virtio_transport.ts";

/** How the ring of a virtqueue is laid out (virtio 1.2 §2.7, §2.8). */
export type RingFormat = "split" | "packed";

/** What a ring may have besides, when it was negotiated. */
export interface VirtqueueOptions {
  /** VIRTIO_F_IN_ORDER: the device gives buffers back in the order that it got them. */
  readonly inOrder?: boolean;
  /**
   * With VIRTIO_F_INDIRECT_DESC: how many pieces a buffer may have for a table of its own, for which
   * there's memory then; 0, the default, for no tables.
   */
  readonly indirectEntries?: number;
  /**
   * For a split ring in one piece of memory, laid out and aligned as a legacy device expects it
   * (§2.7.2); null, the default, for parts where there's room.
   */
  readonly ringAlign?: number | null;
}

/**
 * A virtqueue (virtio 1.2 §2.6) as a driver uses it, whatever the format of its ring: buffers are
 * posted, published together, and come back in the device's own order with their tokens.
 *
 * `T` is what a caller wants back with its buffer. Posting lends the memory of a buffer to the device;
 * it's the driver's again when {@link takeUsed} or, after a reset, {@link reclaim} returns the token.
 * Nothing allocates once the queue is made.
 */
export interface Virtqueue<T> {
  /** Entries of the ring. */
  readonly size: number;
  /** Where it lies, for the transport. */
  readonly addresses: VirtqueueAddresses;
  /** The device gave back what it wasn't lent, or more than it was lent. Until {@link reset}. */
  readonly broken: boolean;
  /** Bytes that the device says it wrote into the buffer that {@link takeUsed} returned. Unchecked. */
  readonly usedLength: number;
  /** Descriptors of the ring that are free. */
  readonly free: number;
  /** Buffers posted since the last {@link publish}. */
  readonly unpublished: number;

  /** Descriptors of the ring that a buffer of so many pieces takes. */
  descriptorsFor(pieces: number): number;
  /**
   * Adds `length` bytes at `offset` of the region to the buffer being staged, for the device to read
   * or to write: those to be read come first (§2.7.4.2). The caller has seen that
   * there are descriptors {@link free} for the whole.
   */
  stage(offset: number, length: number, deviceWrites: boolean): void;
  /** Posts the staged buffer. The device may look at it after the next {@link publish}. */
  commit(token: T): void;
  /** {@link stage} and {@link commit} of a buffer in one piece, which nothing is staged before. */
  post(offset: number, length: number, deviceWrites: boolean, token: T): void;
  /**
   * {@link post} for the `count` netbufs of `netbufs[from…]`, which are their own tokens, each from
   * `headerBytes` in front of its data on: up to the end of its data for the device to read, up to its own
   * for the device to write. What the queue remembers is loaded and stored once for all of them.
   */
  postBurst(
    this: Virtqueue<Netbuf>,
    netbufs: readonly Netbuf[],
    from: number,
    count: number,
    headerBytes: number,
    deviceWrites: boolean,
  ): void;
  /** Lets the device see what was posted, if anything; whether it has asked to be notified of that. */
  publish(): boolean;

  /** Buffers that the device has given back. 0, and {@link broken}, when it claims what can't be. */
  usedCount(): number;
  /**
   * Takes the next buffer that the device has given back, and frees its descriptors. Call it as often
   * as {@link usedCount} said. null, and {@link broken}, when the device names none that it had.
   */
  takeUsed(): T | null;
  /**
   * {@link takeUsed} for up to `count` buffers, of those that {@link usedCount} said: their tokens into
   * `tokens[0…]`, and what is {@link usedLength} of each into `lengths[0…]`, unless that's null. Says how
   * many: less than `count` when it's {@link broken}.
   */
  takeBurst(tokens: T[], lengths: Uint32Array | null, count: number): number;

  /**
   * Asks for an interrupt at the next used buffer; false, and not armed, when one is there already.
   * Of a {@link broken} queue nothing will come, and it says true: who polled on would do so for ever.
   */
  enableInterrupts(): boolean;
  /** Asks for no interrupts. Some may come all the same. */
  disableInterrupts(): void;

  /** Takes every posted buffer back from a device that was reset, one a call, null when none is left. */
  reclaim(): T | null;
  /**
   * Empties it, as it is to be handed to a device that was reset: private state and shared memory.
   * What was posted is forgotten, so {@link reclaim} it before.
   */
  reset(): void;
  /** Gives its memory back to the arena, once no device knows of it. It can't be used any more. */
  release(): void;
}
