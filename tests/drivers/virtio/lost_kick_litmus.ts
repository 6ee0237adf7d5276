import { PackedVirtqueue } from "../../../drivers/virtio/packed_virtqueue.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import type { Virtqueue } from "../../../drivers/virtio/virtqueue.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../../netdev/dma_region.ts";

/*
 * What the two threads of the litmus share. In each round the driver posts a buffer and reads whether
 * it's to kick, while the device asks for kicks and looks once more for buffers. If both see what
 * was before, the device sleeps on a buffer that it's never told of.
 */

/** Buffers that a ring takes before it is reset, as none is given back. */
export const RING_ROUNDS = 32_768;

/** The longest of the small delays that have the two meet in all ways. */
const JITTER = 64;

/** Elements of the synchronising array, a cache line apart. */
export const DRIVER = 0;
export const DEVICE = 16;
export const STOP = 32;
export const KICKED = 48;

/** How the driver publishes. */
export type LitmusMode = "split" | "packed" | "split without fence" | "packed without fence";

/** What the driver's thread is told. */
export interface LitmusOrder {
  readonly mode: LitmusMode;
  readonly memory: SharedArrayBuffer;
  readonly sync: SharedArrayBuffer;
}

/** Memory that two threads share. */
export class SharedRegion implements DmaRegion {
  readonly byteLength: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;

  constructor(memory: SharedArrayBuffer) {
    this.byteLength = memory.byteLength;
    this.u8 = new Uint8Array(memory);
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
  }

  deviceAddress(offset: number): number {
    return offset;
  }
}

/** Bytes for the largest ring. */
export const MEMORY_BYTES = 1 << 20;

/** The queue, at the same place for whoever makes it. */
export function litmusQueue(region: DmaRegion, mode: LitmusMode): Virtqueue<number> {
  const Vq = mode.startsWith("packed") ? PackedVirtqueue : SplitVirtqueue;
  return new Vq<number>(new DmaArena(region, 4096), RING_ROUNDS, false);
}

/** Waits until the other side has come as far; false when it's told to stop. */
export function meet(sync: Int32Array, own: number, other: number, round: number): boolean {
  Atomics.store(sync, own, round);
  while (Atomics.load(sync, other) < round) {
    if (Atomics.load(sync, STOP) !== 0) return false;
  }
  return true;
}

/** Takes a while that differs from round to round, for each side in another way. */
export function jitter(round: number, step: number): number {
  let sum = 0;
  for (let i = (round * step) % JITTER; i > 0; i--) sum += i ^ round;
  return sum;
}
