import type {
  QueueDoorbell,
  VirtioTransport,
  VirtqueueAddresses,
} from "../../drivers/virtio/virtio_transport.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { DmaArena } from "../../netdev/dma_arena.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { FrameImages } from "./frame_images.ts";
import { PackedPartnerRing } from "./packed_partner_ring.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_RING_PACKED } from "./ring_device.ts";
import { SplitPartnerRing } from "./split_partner_ring.ts";
import { NET_FEATURES, VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";

/** What QEMU's card has: rings of 256, mergeable buffers, event indices. */
const FEATURES = NET_FEATURES | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_EVENT_IDX;
const QUEUE_SIZE = 256;
const MEMORY_BYTES = 4 << 20;

/** Is called with the frame that the driver sent, a view that the next call may change. */
export type SentFrameHandler = (frame: Uint8Array) => void;

/** The device's side of a queue that is used in order. */
export interface PartnerRing {
  /** Fills `count` buffers, which must be there. */
  receive(count: number, images: FrameImages): void;
  /** Gives back all buffers that are posted, and says how many. */
  transmit(): number;
  /** Shows the frames that are posted. */
  peek(onFrame: SentFrameHandler): void;
}

/** What rings the card has. */
export interface PartnerOptions {
  readonly ring?: RingFormat;
  readonly indirect?: boolean;
}

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
  #rx: PartnerRing | null = null;
  #tx: PartnerRing | null = null;
  readonly #mac: Uint8Array;
  readonly #images: FrameImages;
  readonly #features: bigint;
  /** Format of its rings, for a driver to be asked for. */
  readonly ring: RingFormat;

  /** The card has the address `mac`; the station sends `frames` in turn, from the first one on. */
  constructor(mac: Uint8Array, frames: readonly Uint8Array[], options: PartnerOptions = {}) {
    const { ring = "split", indirect = false } = options;
    this.ring = ring;
    this.#features = FEATURES | (ring === "packed" ? VIRTIO_F_RING_PACKED : 0n) |
      (indirect ? VIRTIO_F_INDIRECT_DESC : 0n);
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
    return this.#features;
  }

  driverFeaturesWrite(features: bigint): void {
    if (features !== this.#features) {
      throw new Error("the partner's driver must accept all features");
    }
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
    const Ring = this.ring === "packed" ? PackedPartnerRing : SplitPartnerRing;
    const ring = new Ring(this.region, addresses);
    if (index === 0) this.#rx = ring;
    else this.#tx = ring;
    return { ring: () => void this.kicks++ };
  }

  interruptsConnect(): void {}

  interruptsDisconnect(): void {}

  shutdown(): void {}
}
