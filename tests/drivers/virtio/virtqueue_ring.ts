import { PackedVirtqueue } from "../../../drivers/virtio/packed_virtqueue.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import type { Virtqueue } from "../../../drivers/virtio/virtqueue.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import { IovaRegion } from "../../device/iova_region.ts";
import { PackedRingDevice } from "../../device/packed_ring_device.ts";
import type { AvailableBuffer, RingDevice } from "../../device/ring_device.ts";
import { SplitRingDevice } from "../../device/split_ring_device.ts";

/** What a ring is to be. */
export interface RingKind {
  readonly format: "split" | "packed";
  readonly eventIndex: boolean;
  readonly indirectEntries?: number;
  readonly inOrder?: boolean;
}

/** Every combination of format and mechanisms. */
export const RING_KINDS: readonly RingKind[] = (["split", "packed"] as const).flatMap((format) =>
  [false, true].flatMap((eventIndex) =>
    [0, 4].flatMap((indirectEntries) =>
      [false, true].map((inOrder) => ({ format, eventIndex, indirectEntries, inOrder }))
    )
  )
);

/** As it stands in the name of a test. */
export function nameOf({ format, eventIndex, indirectEntries, inOrder }: RingKind): string {
  const names: string[] = [format];
  const more: [boolean, string][] = [
    [eventIndex, "event index"],
    [(indirectEntries ?? 0) > 0, "indirect"],
    [inOrder === true, "in order"],
  ];
  for (const [on, name] of more) if (on) names.push(name);
  return names.join(", ");
}

/** Both ends of a ring. Buffers are numbered, and number n lies at 4096 + 64 n. */
export class VirtqueueRing<Device extends RingDevice = RingDevice> {
  readonly region = new IovaRegion(1 << 19);
  readonly vq: Virtqueue<number>;
  readonly device: Device;

  /** `attach` makes the device's side, for a test that needs more of it than all have. */
  constructor(
    size: number,
    kind: RingKind,
    attach: (...args: ConstructorParameters<typeof PackedRingDevice>) => Device,
  ) {
    const { format, eventIndex, indirectEntries = 0, inOrder = false } = kind;
    const Vq = format === "packed" ? PackedVirtqueue : SplitVirtqueue;
    const arena = new DmaArena(this.region, 1 << 18);
    this.vq = new Vq<number>(arena, size, eventIndex, { inOrder, indirectEntries });
    const options = { inOrder, indirect: indirectEntries > 0 };
    this.device = attach(this.region, this.vq.addresses, eventIndex, options);
  }

  /** Posts a buffer of this number in so many pieces. */
  post(number: number, pieces = 1, deviceWrites = false): void {
    const offset = 4096 + 64 * (number % 1024);
    if (pieces === 1) return this.vq.post(offset, 8, deviceWrites, number);
    for (let i = 0; i < pieces; i++) this.vq.stage(offset + 8 * i, 8, deviceWrites);
    this.vq.commit(number);
  }

  /** Posts and publishes a buffer. */
  lend(number: number, pieces = 1): void {
    this.post(number, pieces);
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

  /** Everything that is still lent, by number. */
  reclaimAll(): number[] {
    const numbers: number[] = [];
    for (let token = this.vq.reclaim(); token !== null; token = this.vq.reclaim()) {
      numbers.push(token);
    }
    return numbers.sort((a, b) => a - b);
  }
}

/** A ring of any kind. */
export function ringOf(size: number, kind: RingKind): VirtqueueRing {
  return new VirtqueueRing<RingDevice>(
    size,
    kind,
    (...args) =>
      kind.format === "packed" ? new PackedRingDevice(...args) : new SplitRingDevice(...args),
  );
}

/** A packed ring, with all that its device can do. */
export function packedRing(
  size: number,
  kind: Omit<RingKind, "format">,
): VirtqueueRing<PackedRingDevice> {
  return new VirtqueueRing(
    size,
    { format: "packed", ...kind },
    (...args) => new PackedRingDevice(...args),
  );
}
