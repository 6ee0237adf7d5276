import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { socketPair } from "../../drivers/ffi/unix_socket.ts";
import { featureSet } from "../../drivers/virtio/features.ts";
import { Connection } from "../../drivers/virtio/vhost_user/connection.ts";
import { decodeVringAddr, decodeVringState } from "../../drivers/virtio/vhost_user/message.ts";
import { SharedMemory, USER_ADDRESS } from "../../drivers/virtio/vhost_user/shared_memory.ts";
import { VhostUserTransport } from "../../drivers/virtio/vhost_user/vhost_user_transport.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import type { RingFormat } from "../../drivers/virtio/virtqueue.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { ScriptedPeer } from "../drivers/virtio/vhost_user/scripted_peer.ts";
import type { PartnerRing } from "../device/echo_partner.ts";
import type { FrameImages } from "../device/frame_images.ts";
import { PackedPartnerRing } from "../device/packed_partner_ring.ts";
import { SplitPartnerRing } from "../device/split_partner_ring.ts";

/**
 * A vhost-user back-end in this process, which acknowledges nothing and asks for no protocol feature,
 * and so has nothing to say. Doorbells are rung for each burst, on eventfds that nobody reads.
 */
export class VhostUserPartner {
  /** The front-end's device, probed. */
  readonly netdev: Netdev;
  readonly #peer: ScriptedPeer;
  readonly #memory = new SharedMemory(8 << 20);
  readonly #ring: RingFormat;
  readonly #images: FrameImages;
  #rx: PartnerRing | null = null;
  #tx: PartnerRing | null = null;

  constructor(mac: Uint8Array, ring: RingFormat, images: FrameImages) {
    this.#ring = ring;
    this.#images = images;
    const [near, far] = socketPair();
    this.#peer = new ScriptedPeer(far);
    const waiter = new FdWaiter(monotonicClock);
    const connection = new Connection(near, waiter, monotonicClock);
    const features = featureSet(
      "VIRTIO_F_VERSION_1",
      "VIRTIO_NET_F_MRG_RXBUF",
      "VIRTIO_F_EVENT_IDX",
      ...(ring === "packed" ? ["VIRTIO_F_RING_PACKED" as const] : []),
    );
    const offer = { all: features, features, protocolFeatures: 0n, queuePairs: 1 };
    const backEnd = { connection, offer };
    const transport = new VhostUserTransport("partner", backEnd, this.#memory, waiter, () => {});
    const registry = new NetdevRegistry();
    const bus = new VirtioBus(monotonicClock);
    bus.registerDriver(virtioNetDriver(registry, () => {}, { mac, ring }));
    bus.addDevice(transport);
    this.netdev = registry.get(0);
    this.netdev.probe();
  }

  /** Looks where the rings are, once the device is started. */
  connect(): void {
    const sizes: number[] = [];
    const rings: PartnerRing[] = [];
    const Ring = this.#ring === "packed" ? PackedPartnerRing : SplitPartnerRing;
    for (const { name, payload } of this.#peer.all()) {
      if (name === "SET_VRING_NUM") {
        const { index, num } = decodeVringState(payload);
        sizes[index] = num;
      }
      if (name !== "SET_VRING_ADDR") continue;
      const { index, descriptorArea, driverArea, deviceArea } = decodeVringAddr(payload);
      rings[index] = new Ring(this.#memory.dma.region, {
        size: sizes[index],
        descriptorArea: descriptorArea - USER_ADDRESS,
        driverArea: driverArea - USER_ADDRESS,
        deviceArea: deviceArea - USER_ADDRESS,
      });
    }
    [this.#rx, this.#tx] = rings;
  }

  /** Receives the next `count` frames into buffers of the driver. */
  offer(count: number): void {
    this.#rx?.receive(count, this.#images);
  }

  /** Takes what the driver has posted, and says how many frames that were. */
  take(): number {
    return this.#tx === null ? 0 : this.#tx.transmit();
  }
}
