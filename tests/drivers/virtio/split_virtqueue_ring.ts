import { DmaArena } from "../../../netdev/dma_arena.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import type { AvailableBuffer } from "../../device/ring_device.ts";
import { SplitRingDevice } from "../../device/split_ring_device.ts";

/** Both ends of a ring. Buffers are numbered, and number n lies at 4096 + 64 n. */
export class Ring {
  readonly region = new IovaRegion(1 << 19);
  readonly vq: SplitVirtqueue<number>;
  readonly device: SplitRingDevice;

  constructor(size: number, eventIndex: boolean) {
    this.vq = new SplitVirtqueue(new DmaArena(this.region, 1 << 18), size, eventIndex);
    this.device = new SplitRingDevice(this.region, this.vq.addresses, eventIndex);
  }

  /** Posts a buffer of this number in so many descriptors. */
  post(number: number, descriptors = 1): void {
    const offset = 4096 + 64 * (number % 1024);
    for (let i = 0; i < descriptors; i++) this.vq.stage(offset + 8 * i, 8, false);
    this.vq.commit(number);
  }

  /** Posts and publishes a buffer. */
  lend(number: number, descriptors = 1): void {
    this.post(number, descriptors);
    this.vq.publish();
  }

  /** The next buffer at the device, which must have one. */
  take(): AvailableBuffer {
    const buffer = this.device.take();
    if (buffer === null) throw new Error("nothing is available");
    return buffer;
  }

  /** Publishes `count` buffers, has the device use them all, and takes them back. */
  pass(count: number): void {
    for (let i = 0; i < count; i++) {
      this.lend(i);
      this.device.use(this.take().head, 0);
      this.vq.usedCount();
      this.vq.takeUsed();
    }
  }

  /** Everything that came back, by number. */
  takeAll(): (number | null)[] {
    return Array.from({ length: this.vq.usedCount() }, () => this.vq.takeUsed());
  }
}
