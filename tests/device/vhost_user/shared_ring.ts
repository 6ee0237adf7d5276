import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { createMemfd, MappedRegion } from "../../../drivers/ffi/mapped_region.ts";
import { PackedVirtqueue } from "../../../drivers/virtio/packed_virtqueue.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import type { RingFormat, Virtqueue } from "../../../drivers/virtio/virtqueue.ts";
import { DmaArena } from "../../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../../netdev/dma_region.ts";
import { createDeviceRing, type DeviceRing } from "./device_ring.ts";
import { GuestMemory } from "./guest_memory.ts";

const MEMORY_BYTES = 1 << 20;
/** Above 4 GiB, so that both halves of an address count. */
const GUEST_BASE = 0x2_3000_0000;
const RINGS_START = 1 << 19;

/** What a ring is to be. */
export interface SharedRingOptions {
  readonly format: RingFormat;
  readonly size: number;
  readonly eventIndex?: boolean;
  readonly indirectEntries?: number;
}

/** A driver's virtqueue and the fast device's side of it, in memory that both have mapped. */
export class SharedRing implements Disposable {
  readonly region: DmaRegion;
  readonly vq: Virtqueue<number>;
  readonly memory: GuestMemory;
  readonly ring: DeviceRing;
  readonly #mapping: MappedRegion;
  readonly #format: RingFormat;
  readonly #eventIndex: boolean;

  constructor({ format, size, eventIndex = false, indirectEntries = 0 }: SharedRingOptions) {
    const fd = createMemfd("shared-ring-test", MEMORY_BYTES);
    this.#mapping = new MappedRegion(fd, MEMORY_BYTES);
    const { u8, u16, u32, byteLength } = this.#mapping;
    const deviceAddress = (offset: number): number => GUEST_BASE + offset;
    this.region = { u8, u16, u32, byteLength, deviceAddress };
    const Vq = format === "packed" ? PackedVirtqueue : SplitVirtqueue;
    const arena = new DmaArena(this.region, RINGS_START);
    this.vq = new Vq<number>(arena, size, eventIndex, { indirectEntries });
    const region = { guestAddress: GUEST_BASE, userAddress: 0, size: MEMORY_BYTES, mmapOffset: 0 };
    this.memory = new GuestMemory([region], [fd]);
    closeFd(fd);
    this.#format = format;
    this.#eventIndex = eventIndex;
    this.ring = this.attach(format === "packed" ? 1 << 15 : 0);
  }

  /** Another device on the same ring, which goes on at `base`. */
  attach(base: number): DeviceRing {
    const { size, descriptorArea, driverArea, deviceArea } = this.vq.addresses;
    const at = (address: number): number =>
      this.memory.offsetOf(address >>> 0, Math.floor(address / 2 ** 32), 4);
    return createDeviceRing(this.memory, this.#format === "packed", {
      size,
      base,
      descriptors: at(descriptorArea),
      driverArea: at(driverArea),
      deviceArea: at(deviceArea),
      eventIndex: this.#eventIndex,
    });
  }

  [Symbol.dispose](): void {
    this.memory[Symbol.dispose]();
    this.#mapping[Symbol.dispose]();
  }
}
