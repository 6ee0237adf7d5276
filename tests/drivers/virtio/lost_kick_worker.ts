/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { Virtqueue } from "../../../drivers/virtio/virtqueue.ts";
import {
  DEVICE,
  DRIVER,
  jitter,
  KICKED,
  type LitmusMode,
  type LitmusOrder,
  litmusQueue,
  meet,
  RING_ROUNDS,
  SharedRegion,
} from "./lost_kick_litmus.ts";

/* The driver's thread of the litmus. */

self.onmessage = ({ data }: MessageEvent<LitmusOrder>): void => {
  const { mode, memory, sync: syncMemory } = data;
  const region = new SharedRegion(memory);
  const sync = new Int32Array(syncMemory);
  const vq = litmusQueue(region, mode);
  const publish = publisher(vq, region, mode);
  // What isn't published by the queue must not be posted there: it would show the one before.
  const isReal = mode === "split" || mode === "packed";
  let sink = 0;
  for (let round = 1;; round++) {
    if (!meet(sync, DRIVER, DEVICE, 3 * round)) break;
    if (isReal) vq.post(4096, 8, false, round);
    sink += jitter(round, 7);
    if (!meet(sync, DRIVER, DEVICE, 3 * round + 1)) break;
    sink += jitter(round, 13);
    const kicked = publish();
    Atomics.store(sync, KICKED, kicked ? 1 : 0);
    if (!meet(sync, DRIVER, DEVICE, 3 * round + 2)) break;
    if (round % RING_ROUNDS === 0) {
      while (vq.reclaim() !== null);
      vq.reset();
    }
  }
  self.postMessage(sink);
};

/** The queue's own, or one that does the same without a fence between the store and the load. */
function publisher(
  vq: Virtqueue<number>,
  { u16, u32 }: SharedRegion,
  mode: LitmusMode,
): () => boolean {
  const { descriptorArea, driverArea, deviceArea } = vq.addresses;
  let posted = 0;
  if (mode === "split without fence") {
    return () => {
      posted = posted % RING_ROUNDS + 1;
      u16[(driverArea + 2) >>> 1] = posted;
      return (u16[deviceArea >>> 1] & 1) === 0;
    };
  }
  if (mode === "packed without fence") {
    return () => {
      u32[(descriptorArea + 16 * posted + 12) >>> 2] = posted | 1 << 23;
      posted = (posted + 1) % RING_ROUNDS;
      return u32[deviceArea >>> 2] >>> 16 !== 1;
    };
  }
  return () => vq.publish();
}
