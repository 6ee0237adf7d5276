import type {
  QueueDoorbell,
  VirtioTransport,
  VirtqueueAddresses,
} from "../../drivers/virtio/virtio_transport.ts";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { VIRTIO_F_EVENT_IDX } from "./virtio_model.ts";
import { HDR_BYTES, NET_FEATURES, VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";

/** What QEMU's card has: rings of 256, mergeable buffers, event indices. */
const FEATURES = NET_FEATURES | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_EVENT_IDX;
const QUEUE_SIZE = 256;
const MEMORY_BYTES = 4 << 20;

/** struct virtio_net_hdr: num_buffers, its last field (virtio 1.2 §5.1.6). */
const HDR_NUM_BUFFERS = 10;

/** Is called with the frame that the driver sent, a view that the next call may change. */
export type SentFrameHandler = (frame: Uint8Array) => void;

/**
 * A network card and, at the other end of its wire, a station that sends the same frames over and
 * over and takes what comes back. It does as little as a device can, to be counted out of a
 * measurement, and allocates nothing while frames flow. It wants to be kicked for every burst.
 *
 * It believes the driver: `VirtioNetModel` is the device that checks it.
 */
export class EchoPartner implements VirtioTransport {
  readonly name = "echo partner";
  readonly kind = "echo partner";
  readonly legacy = false;
  readonly ringAlign = null;
  readonly ringSizeFixed = false;
  readonly interruptMode = "msi-x per queue";
  readonly deviceType = 1;
  readonly configLength = 12;
  readonly queueCount = 2;
  readonly vectors = [];
  readonly region = new PlainRegion(MEMORY_BYTES);
  readonly dma = new DmaArena(this.region, 4096);
  /** Frames sent to the driver, and taken from it. */
  offered = 0;
  taken = 0;
  kicks = 0;
  #status = 0;
  #rx: DeviceRing | null = null;
  #tx: DeviceRing | null = null;
  readonly #mac: Uint8Array;
  readonly #images: FrameImages;

  /** The card has the address `mac`; the station sends `frames` in turn, from the first one on. */
  constructor(mac: Uint8Array, frames: readonly Uint8Array[]) {
    this.#mac = mac;
    this.#images = new FrameImages(frames);
  }

  /** Receives the next `count` frames into buffers of the driver, which must have posted so many. */
  offer(count: number): void {
    if (this.#rx === null) throw new Error("the receive queue is not enabled");
    this.#rx.receive(count, this.#images);
    this.offered += count;
  }

  /** Sends what the driver has posted, and gives the buffers back. */
  take(): void {
    if (this.#tx === null) throw new Error("the transmit queue is not enabled");
    this.taken += this.#tx.transmit();
  }

  /** As {@link take}, and shows each frame. */
  takeFrames(onFrame: SentFrameHandler): void {
    this.#tx?.peek(onFrame);
    this.take();
  }

  present(): boolean {
    return true;
  }

  statusRead(): number {
    return this.#status;
  }

  statusWrite(status: number): void {
    this.#status = status;
  }

  deviceFeatures(): bigint {
    return FEATURES;
  }

  driverFeaturesWrite(features: bigint): void {
    if (features !== FEATURES) throw new Error("the partner's driver must accept all features");
  }

  /** struct virtio_net_config (§5.1.4): mac[6], and a status that says link up. */
  configRead(offset: number, width: 1 | 2 | 4): number {
    if (offset < 6 && width === 1) return this.#mac[offset];
    return offset === 6 ? 1 : 0;
  }

  configGeneration(): number {
    return 0;
  }

  queueSizeMax(index: number): number {
    return index < this.queueCount ? QUEUE_SIZE : 0;
  }

  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    const ring = new DeviceRing(this.region, addresses);
    if (index === 0) this.#rx = ring;
    else this.#tx = ring;
    return { ring: () => void this.kicks++ };
  }

  interruptsConnect(): void {}

  interruptsDisconnect(): void {}

  shutdown(): void {}
}

/** Frames behind their virtio_net_hdr, as words in the order that they are copied in. */
class FrameImages {
  readonly u32: Uint32Array;
  /** Bytes of each, with the header. */
  readonly lengths: Uint16Array;
  /** Words from one to the next. */
  readonly stride: number;
  /** The one to be sent next. */
  next = 0;

  constructor(frames: readonly Uint8Array[]) {
    const longest = Math.max(...frames.map(({ length }) => length));
    this.stride = ((HDR_BYTES + longest + 2 + 3) >>> 2) + 1;
    this.u32 = new Uint32Array(this.stride * frames.length);
    this.lengths = Uint16Array.from(frames, ({ length }) => HDR_BYTES + length);
    const bytes = new Uint8Array(this.u32.buffer);
    frames.forEach((frame, i) => {
      // A receive buffer begins at 2 mod 4, and so does the image of what goes into it.
      const start = 4 * this.stride * i + 2;
      bytes[start + HDR_NUM_BUFFERS] = 1;
      bytes.set(frame, start + HDR_BYTES);
    });
  }
}

/** The device's side of a split virtqueue (virtio 1.2 §2.7), used in order, one descriptor each. */
class DeviceRing {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #u32: Uint32Array;
  readonly #mask: number;
  readonly #descriptors32: number;
  readonly #availIndex16: number;
  readonly #availRing16: number;
  readonly #usedIndex16: number;
  readonly #usedRing32: number;
  readonly #availEvent16: number;
  #index = 0;

  constructor(region: PlainRegion, addresses: VirtqueueAddresses) {
    const { size, descriptorArea, driverArea, deviceArea } = addresses;
    this.#u8 = region.u8;
    this.#u16 = region.u16;
    this.#u32 = region.u32;
    this.#mask = size - 1;
    this.#descriptors32 = descriptorArea >>> 2;
    this.#availIndex16 = (driverArea + 2) >>> 1;
    this.#availRing16 = (driverArea + 4) >>> 1;
    this.#usedIndex16 = (deviceArea + 2) >>> 1;
    this.#usedRing32 = (deviceArea + 4) >>> 2;
    this.#availEvent16 = (deviceArea + 4 + 8 * size) >>> 1;
  }

  /** Fills `count` buffers. */
  receive(count: number, images: FrameImages): void {
    if (this.#available() < count) throw new Error(`the driver has posted less than ${count}`);
    const u32 = this.#u32;
    const image32 = images.u32;
    let next = images.next;
    for (let i = 0; i < count; i++) {
      const head = this.#u16[this.#availRing16 + (this.#index & this.#mask)];
      const buffer = u32[this.#descriptors32 + 4 * head];
      const length = images.lengths[next];
      if (length + 4 > u32[this.#descriptors32 + 4 * head + 2]) throw new Error("too long a frame");
      // A half word and then whole ones: it may write 3 bytes more, as a device may.
      let from = next * images.stride;
      this.#u16[buffer >>> 1] = image32[from++] >>> 16;
      const end = (buffer + length + 3) >>> 2;
      for (let to = (buffer + 2) >>> 2; to < end; to++) u32[to] = image32[from++];
      this.#use(head, length);
      next = next + 1 === images.lengths.length ? 0 : next + 1;
    }
    images.next = next;
    this.#publish();
  }

  /** Gives back all buffers that are posted, and says how many. */
  transmit(): number {
    const count = this.#available();
    for (let i = 0; i < count; i++) {
      this.#use(this.#u16[this.#availRing16 + (this.#index & this.#mask)], 0);
    }
    this.#publish();
    return count;
  }

  /** Shows the frames that are posted. */
  peek(onFrame: SentFrameHandler): void {
    for (let i = 0, count = this.#available(); i < count; i++) {
      const head = this.#u16[this.#availRing16 + (this.#index + i & this.#mask)];
      const buffer = this.#u32[this.#descriptors32 + 4 * head];
      const length = this.#u32[this.#descriptors32 + 4 * head + 2];
      onFrame(this.#u8.subarray(buffer + HDR_BYTES, buffer + length));
    }
  }

  #available(): number {
    return (Atomics.load(this.#u16, this.#availIndex16) - this.#index) & 0xffff;
  }

  #use(head: number, length: number): void {
    const element = this.#usedRing32 + 2 * (this.#index & this.#mask);
    this.#u32[element] = head;
    this.#u32[element + 1] = length;
    this.#index = (this.#index + 1) & 0xffff;
  }

  /** Shows what was used; the next buffer that is posted shall be told of (§2.7.10). */
  #publish(): void {
    this.#u16[this.#availEvent16] = this.#index;
    Atomics.store(this.#u16, this.#usedIndex16, this.#index);
  }
}
