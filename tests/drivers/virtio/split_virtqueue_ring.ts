import { SplitRingDevice } from "../../device/split_ring_device.ts";
import { VirtqueueRing } from "./virtqueue_ring.ts";

/** A split ring without indirect descriptors, with all that its device can do. */
export class Ring extends VirtqueueRing<SplitRingDevice> {
  constructor(size: number, eventIndex: boolean) {
    super(size, { format: "split", eventIndex }, (...args) => new SplitRingDevice(...args));
  }
}
