import { NetdevError } from "../../netdev/netdev_error.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import type { Coalescing } from "./virtio_net_commands.ts";
import {
  readSpeed,
  readStatus,
  type VirtioNetSpeed,
  type VirtioNetStatus,
} from "./virtio_net_config.ts";
import { VirtioNetControl } from "./virtio_net_control.ts";
import { negotiate, renegotiate, type VirtioNetIdentity } from "./virtio_net_identity.ts";
import type { VirtioTransport } from "./virtio_transport.ts";
import type { RingFormat } from "./virtqueue.ts";

/** Ethernet's MTU: in force where nobody tells another. */
const ETHERNET_MTU = 1500;
/** The MTU that "jumbo frames" have by custom: the most that is made use of. */
const JUMBO_MTU = 9000;

/** Called with the device when there's something to tell that no call asked for. */
export interface VirtioNetEvents {
  /** The link went up or down. */
  readonly onLink?: (up: boolean) => void;
  /** The device wants its host announced to the network, which has moved perhaps (§5.1.6.5.4). */
  readonly onAnnounce?: () => void;
  /**
   * The device can't go on until it's stopped and started again; one line says why. Once for each
   * start, perhaps from within a burst, where neither of the two may be called.
   */
  readonly onFailure?: (reason: string) => void;
}

/** How to set up a card, what to tell it, and whom to tell of it. */
export interface VirtioNetOptions extends VirtioNetEvents {
  /** Format of its rings; split by default. */
  readonly ring?: RingFormat;
  /** MAC address, of 6 bytes, for a card that has none of its own; a random one by default. */
  readonly mac?: Uint8Array;
  /** MTU of a card that tells none; Ethernet's by default. */
  readonly mtu?: number;
  /** When queues of a direction are to interrupt, for cards with VIRTIO_NET_F_NOTF_COAL. */
  readonly coalescing?: { readonly rx?: Coalescing; readonly tx?: Coalescing };
}

/**
 * The life of a virtio network card apart from its queues: what is agreed on with it, whether it's
 * still there and still the same, and what it tells by itself (virtio 1.2 §3.1, §5.1.4, §5.1.5).
 */
export class VirtioNetCard {
  readonly #device: VirtioDevice;
  readonly #events: VirtioNetEvents;
  readonly #ring: RingFormat;
  /** For a card that has no address. */
  readonly #ownMac: Uint8Array;
  /** For a card that tells none. */
  readonly #ownMtu: number;
  readonly #coalescing: NonNullable<VirtioNetOptions["coalescing"]>;
  #offered: FeatureSet = 0n;
  #identity: VirtioNetIdentity = {
    features: 0n,
    mac: null,
    mtu: null,
    maxPairs: 1,
    queueSizes: [],
    controlQueueSize: 0,
    rss: null,
  };
  #mtu = 0;
  #linkUp = false;
  #control: VirtioNetControl;
  /** {@link VirtioNetEvents.onFailure} was called since the last start. */
  #failed = false;
  /** Why there's nothing to be had of the device any more: it's gone, or could not be reset. */
  #lost: NetdevError | null = null;

  constructor(device: VirtioDevice, options: VirtioNetOptions) {
    this.#device = device;
    this.#events = options;
    this.#ring = options.ring ?? "split";
    this.#ownMac = options.mac ?? randomMac();
    this.#ownMtu = options.mtu ?? ETHERNET_MTU;
    this.#coalescing = options.coalescing ?? {};
    this.#control = new VirtioNetControl(this.location, 0n, null, this.#ownMac);
  }

  /** The device itself. */
  get device(): VirtioDevice {
    return this.#device;
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

  /** Whether it was told since the last start that the card can't go on. */
  get failed(): boolean {
    return this.#failed;
  }

  /** What it was told beside packets. To change it while the card is live, call {@link tell}. */
  get control(): VirtioNetControl {
    return this.#control;
  }

  /** How fast its link is; null where it can't tell. */
  get speed(): VirtioNetSpeed | null {
    if (this.#lost !== null || !this.transport.present()) return null;
    return readSpeed(this.#device, this.#identity.features);
  }

  /** Runs commands, as {@link VirtioNetControl} throws; a card that answers none has failed. */
  tell(commands: (control: VirtioNetControl) => void): void {
    try {
      commands(this.#control);
    } catch (error) {
      if (this.#control.queue?.broken === true) this.fail(`does not obey: ${messageOf(error)}`);
      throw error;
    }
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
      // It was reset since, or has to be.
      if (!this.#device.negotiated) renegotiate(this.#device, this.#identity);
      try {
        goLive(this.#device);
      } catch (error) {
        this.#quiet();
        throw error;
      }
      // What changed before it was live interrupted nobody.
      this.#heed(readStatus(this.#device, this.#identity.features));
    });
    // Before DRIVER_OK it needn't interrupt for that (§2.1.2), and nobody would hear it.
    this.#heedResetRequest();
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
    this.#heedResetRequest();
    this.#heed(readStatus(this.#device, this.#identity.features));
  }

  /** It may be live by half, and FAILED stops no device: its queues are about to be given back. */
  #quiet(): void {
    try {
      this.reset();
    } catch {
      // It's given up then, which the next start says.
    }
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

  #negotiate(): void {
    const device = this.#device;
    this.#offered = device.offeredFeatures();
    this.#identity = negotiate(device, this.#offered, this.#ring);
    const { features, mac, mtu } = this.#identity;
    this.#control = this.#newControl(features, mac);
    this.#mtu = Math.min(mtu ?? this.#ownMtu, JUMBO_MTU);
    this.#linkUp = readStatus(device, features).linkUp;
  }

  #newControl(features: FeatureSet, mac: Uint8Array | null): VirtioNetControl {
    const control = new VirtioNetControl(this.location, features, mac, this.#ownMac);
    if (!hasFeature(features, "VIRTIO_NET_F_NOTF_COAL")) return control;
    for (const direction of ["rx", "tx"] as const) {
      const coalescing = this.#coalescing[direction];
      if (coalescing !== undefined) control.setCoalescing(direction, coalescing);
    }
    return control;
  }

  #heedResetRequest(): void {
    if (!this.#device.needsReset()) return;
    this.fail(this.transport.resetReason ?? "asks for a reset");
  }

  #heed({ linkUp, announce }: VirtioNetStatus): void {
    if (linkUp !== this.#linkUp) {
      this.#linkUp = linkUp;
      this.#events.onLink?.(linkUp);
    }
    if (!announce) return;
    this.#events.onAnnounce?.();
    try {
      this.tell((control) => control.acknowledgeAnnouncement());
    } catch {
      // One that refuses will ask again, if it still wants to; one that is silent has failed.
    }
  }
}

/** An address that is no one's: locally administered, and of one station (IEEE 802 §8.2). */
function randomMac(): Uint8Array {
  const mac = crypto.getRandomValues(new Uint8Array(6));
  mac[0] = mac[0] & 0xfc | 0x02;
  return mac;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
