import { NetdevError } from "../../netdev/netdev_error.ts";
import { type FeatureName, type FeatureSet, featureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import { readLink, readMtu } from "./virtio_net_config.ts";
import { readIdentity, renegotiate, type VirtioNetIdentity } from "./virtio_net_identity.ts";
import { ringFeatures } from "./virtio_net_ring.ts";
import type { VirtioTransport } from "./virtio_transport.ts";
import type { RingFormat } from "./virtqueue.ts";

/** Virtqueues that are used: the first pair (virtio 1.2 §5.1.2). */
const QUEUES = 2;

/** What the driver makes use of, where it's offered, beside what its rings are. */
const WANTED = featureSet(
  "VIRTIO_NET_F_MTU",
  "VIRTIO_NET_F_MAC",
  "VIRTIO_NET_F_MRG_RXBUF",
  "VIRTIO_NET_F_STATUS",
  "VIRTIO_F_VERSION_1",
);

/** What only a legacy device offers: with it, virtio's header and a frame share a descriptor (§2.7.4.3). */
const WANTED_OF_LEGACY = featureSet("VIRTIO_F_ANY_LAYOUT");

/** Ethernet's MTU: in force where the device tells none. */
const ETHERNET_MTU = 1500;
/** The MTU that "jumbo frames" have by custom: the most that is made use of. */
const JUMBO_MTU = 9000;

/** Called with the device when there's something to tell that no call asked for. */
export interface VirtioNetEvents {
  /** The link went up or down. */
  readonly onLink?: (up: boolean) => void;
  /**
   * The device can't go on until it's stopped and started again; one line says why. Once for each
   * start, perhaps from within a burst, where neither of the two may be called.
   */
  readonly onFailure?: (reason: string) => void;
}

/** How to set up a card, and whom to tell of it. */
export interface VirtioNetOptions extends VirtioNetEvents {
  /** Format of its rings; split by default. */
  readonly ring?: RingFormat;
}

/**
 * The life of a virtio network card apart from its queues: what is agreed on with it, whether it's
 * still there and still the same, and what it tells by itself (virtio 1.2 §3.1, §5.1.4, §5.1.5).
 */
export class VirtioNetCard {
  readonly #device: VirtioDevice;
  readonly #events: VirtioNetEvents;
  readonly #ring: RingFormat;
  #offered: FeatureSet = 0n;
  #identity: VirtioNetIdentity = {
    features: 0n,
    mac: new Uint8Array(6),
    mtu: null,
    queueSizes: [],
  };
  #mtu = 0;
  #linkUp = false;
  /** {@link VirtioNetEvents.onFailure} was called since the last start. */
  #failed = false;
  /** Why there's nothing to be had of the device any more: it's gone, or could not be reset. */
  #lost: NetdevError | null = null;

  constructor(device: VirtioDevice, options: VirtioNetOptions) {
    this.#device = device;
    this.#events = options;
    this.#ring = options.ring ?? "split";
  }

  /** How it's reached. */
  get transport(): VirtioTransport {
    return this.#device.transport;
  }

  /** Where it sits. */
  get location(): string {
    return this.transport.name;
  }

  /** What it offered. */
  get offered(): FeatureSet {
    return this.#offered;
  }

  /** What was negotiated, and what it is. */
  get identity(): VirtioNetIdentity {
    return this.#identity;
  }

  /** The MTU that it was probed with: the most that it carries, and that is made use of. */
  get mtu(): number {
    return this.#mtu;
  }

  /** Whether the link is up, as the card last told. */
  get linkUp(): boolean {
    return this.#linkUp;
  }

  /** Initialises it up to accepted features, as the first thing. */
  probe(): void {
    // A device that has failed must be reset before it's tried again (§2.1.1).
    if (this.#device.failed) {
      this.#device.reset();
      this.#device.acknowledge();
    }
    this.#step(() => this.#negotiate());
  }

  /** Has `goLive` set up queues and end the initialisation, after a new one where it takes one. */
  start(goLive: (device: VirtioDevice) => void): void {
    this.#failed = false;
    this.#step(() => {
      if (!this.#device.negotiated) this.#negotiateAgain();
      goLive(this.#device);
    });
  }

  /**
   * Resets it, so that it owns no buffers any more (§2.4.1); nothing for one that is gone.
   * `VirtioError` when it doesn't reset; it's given up then.
   */
  reset(): void {
    if (this.#lost !== null) return;
    try {
      this.#device.reset();
    } catch (error) {
      const gone = !this.transport.present();
      this.#lost = this.#loss(gone ? "is gone" : "did not reset, and was given up", error);
      // A device that won't be reset must at least lose its access to memory.
      this.transport.shutdown();
      if (!gone) throw error;
    }
  }

  /** Its interrupt. Runs on the event loop, as every interrupt handler does, so it may read registers. */
  configChanged(): void {
    if (!this.transport.present()) return this.fail("is gone");
    if (this.#device.needsReset()) this.fail("asks for a reset");
    this.#checkLink();
  }

  /** Tells that the card can't go on, unless that was told since the last start. */
  fail(what: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#events.onFailure?.(`${this.location} ${what}`);
  }

  /**
   * Runs a step of initialisation. A device that it goes wrong with is told so (§3.1.1); one that's
   * gone is `NetdevError("ENODEV")`.
   */
  #step(step: () => void): void {
    if (this.#lost !== null) throw this.#lost;
    let cause: unknown;
    let failed = false;
    try {
      step();
    } catch (error) {
      failed = true;
      cause = error;
    }
    // All ones look like a device that agrees to everything, so it's asked in any case.
    if (!this.transport.present()) throw this.#lost = this.#loss("is gone", cause);
    if (!failed) return;
    this.#device.fail();
    throw cause;
  }

  #loss(what: string, cause: unknown): NetdevError {
    return new NetdevError("ENODEV", `${this.location} ${what}`, { cause });
  }

  /** Nothing is read twice that is acted upon: the device could answer otherwise. */
  #negotiate(): void {
    const device = this.#device;
    const offered = device.offeredFeatures();
    this.#offered = offered;
    const { legacy } = this.transport;
    if (legacy) this.#demand(offered, "VIRTIO_F_ANY_LAYOUT", "no layout of buffers but its own");
    else this.#demand(offered, "VIRTIO_F_VERSION_1", "only the legacy interface");
    this.#demand(offered, "VIRTIO_NET_F_MAC", "no MAC address");
    const mtu = readMtu(device, offered);
    const wanted = mtu === null ? WANTED & ~featureSet("VIRTIO_NET_F_MTU") : WANTED;
    const ring = ringFeatures(this.location, offered, this.#ring);
    const features = device.negotiate(wanted | ring | (legacy ? WANTED_OF_LEGACY : 0n));
    this.#identity = readIdentity(device, features, mtu, QUEUES);
    this.#mtu = Math.min(mtu ?? ETHERNET_MTU, JUMBO_MTU);
    this.#linkUp = readLink(device, features);
  }

  /** The device was reset since, or has to be. */
  #negotiateAgain(): void {
    renegotiate(this.#device, this.#identity);
    this.#checkLink();
  }

  /** Throws unless a feature that the driver can't do without is on offer. */
  #demand(
    offered: FeatureSet,
    name: FeatureName,
    instead: string,
  ): void {
    if (hasFeature(offered, name)) return;
    throw new NetdevError("ENOTSUP", `${this.location} offers ${instead}: ${name} is needed`);
  }

  #checkLink(): void {
    const up = readLink(this.#device, this.#identity.features);
    if (up === this.#linkUp) return;
    this.#linkUp = up;
    this.#events.onLink?.(up);
  }
}
