import type { Clock } from "../../netdev/clock.ts";
import {
  VIRTIO_STATUS_ACKNOWLEDGE,
  VIRTIO_STATUS_DEVICE_NEEDS_RESET,
  VIRTIO_STATUS_DRIVER,
  VIRTIO_STATUS_DRIVER_OK,
  VIRTIO_STATUS_FAILED,
  VIRTIO_STATUS_FEATURES_OK,
} from "./device_status.ts";
import { featureNames, type FeatureSet } from "./features.ts";
import { VirtioError } from "./virtio_error.ts";
import type { VirtioTransport } from "./virtio_transport.ts";

/** A device resets in microseconds, or it never will. */
const RESET_TIMEOUT_MS = 1000;

/** What is read of a device that isn't there any more. */
const ALL_ONES = 0xff;

/** Configuration that changed during each of so many reads in a row is no configuration. */
const CONFIG_READ_TRIES = 16;

/** A device on the virtio bus: the steps of its initialisation (virtio 1.2 §3.1.1), one call each. */
export class VirtioDevice {
  readonly transport: VirtioTransport;
  /** What waits for the device are bounded by. */
  readonly clock: Clock;
  #status = 0;
  #agreed = false;

  constructor(transport: VirtioTransport, clock: Clock) {
    this.transport = transport;
    this.clock = clock;
  }

  /**
   * Step 1: resets it, and waits until that is done. `VirtioError` when it takes longer than 1 s, or
   * when the device is gone.
   */
  reset(): void {
    this.#status = 0;
    this.#agreed = false;
    this.transport.statusWrite(0);
    // §2.4.2, §4.1.4.3.2: the device is reset once its status reads 0.
    const deadline = this.clock.now() + RESET_TIMEOUT_MS;
    for (
      let status = this.transport.statusRead();
      status !== 0;
      status = this.transport.statusRead()
    ) {
      if (status === ALL_ONES && !this.transport.present()) {
        throw new VirtioError(`${this.transport.name} is gone`);
      }
      if (this.clock.now() > deadline) {
        throw new VirtioError(`${this.transport.name} is not reset after ${RESET_TIMEOUT_MS} ms`);
      }
    }
  }

  /**
   * Resets one queue, with VIRTIO_F_RING_RESET, and waits until that is done (§2.6.1): the buffers
   * are the driver's then, and the queue can be enabled again. `VirtioError` when it takes longer
   * than 1 s, or can't be; the buffers are the device's still.
   */
  resetQueue(index: number): void {
    const { name, queueReset } = this.transport;
    if (!queueReset) throw new VirtioError(`${name} can't reset queue ${index} alone`);
    queueReset.begin(index);
    const deadline = this.clock.now() + RESET_TIMEOUT_MS;
    while (!queueReset.finish(index)) {
      if (!this.transport.present()) throw new VirtioError(`${name} is gone`);
      if (this.clock.now() > deadline) {
        throw new VirtioError(`${name}: queue ${index} is not reset after ${RESET_TIMEOUT_MS} ms`);
      }
    }
  }

  /** Steps 2 and 3: tells it that it was seen, and that there is a driver for it. */
  acknowledge(): void {
    this.#addStatus(VIRTIO_STATUS_ACKNOWLEDGE);
    this.#addStatus(VIRTIO_STATUS_DRIVER);
  }

  /** The features that the device offers. */
  offeredFeatures(): FeatureSet {
    return this.transport.deviceFeatures();
  }

  /**
   * Steps 4 to 6: accepts what is both wanted and offered, and reads back whether the device agrees;
   * one that is legacy isn't asked (§3.1.2). Returns the accepted set. `VirtioError` when it doesn't
   * agree.
   */
  negotiate(wanted: FeatureSet): FeatureSet {
    const accepted = wanted & this.offeredFeatures();
    this.transport.driverFeaturesWrite(accepted);
    this.#agreed = true;
    if (this.transport.legacy) return accepted;
    this.#addStatus(VIRTIO_STATUS_FEATURES_OK);
    if ((this.transport.statusRead() & VIRTIO_STATUS_FEATURES_OK) === 0) {
      const names = featureNames(accepted).join(", ");
      throw new VirtioError(`${this.transport.name} does not accept the features ${names}`);
    }
    return accepted;
  }

  /** Step 8: the driver is ready, and the device may use its queues. */
  driverOk(): void {
    this.#addStatus(VIRTIO_STATUS_DRIVER_OK);
  }

  /** The driver has given up on the device (§2.1). */
  fail(): void {
    this.#addStatus(VIRTIO_STATUS_FAILED);
  }

  /** Whether the driver has given up on it, since its last reset. */
  get failed(): boolean {
    return (this.#status & VIRTIO_STATUS_FAILED) !== 0;
  }

  /** Whether features are agreed on and queues can be set up: after step 6, before step 8. */
  get negotiated(): boolean {
    return this.#agreed && (this.#status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED)) === 0;
  }

  /** The device says that it can't go on (§2.1.2). */
  needsReset(): boolean {
    return (this.transport.statusRead() & VIRTIO_STATUS_DEVICE_NEEDS_RESET) !== 0;
  }

  /**
   * Calls `read` for a value of several fields until no change of configuration fell in between
   * (§2.5.1); without a generation, until it gives the same twice in a row (§2.5.4), compared as JSON.
   * `VirtioError` when that never happens.
   */
  readConfig<T>(read: (transport: VirtioTransport) => T): T {
    let last: string | null = null;
    for (let tries = 0; tries < CONFIG_READ_TRIES; tries++) {
      const before = this.transport.configGeneration();
      const value = read(this.transport);
      if (before !== null) {
        if (this.transport.configGeneration() === before) return value;
        continue;
      }
      const text = JSON.stringify(value);
      if (text === last) return value;
      last = text;
    }
    throw new VirtioError(`the configuration of ${this.transport.name} never stays the same`);
  }

  /** The driver keeps the bits it has set itself: what the device shows is not to be trusted with them. */
  #addStatus(bit: number): void {
    this.#status |= bit;
    this.transport.statusWrite(this.#status);
  }
}
