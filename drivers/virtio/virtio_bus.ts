import type { Clock } from "../../netdev/clock.ts";
import { VirtioDevice } from "./virtio_device.ts";
import { VirtioError } from "./virtio_error.ts";
import type { VirtioTransport } from "./virtio_transport.ts";

/** A driver for one type of virtio device. */
export interface VirtioDriver {
  readonly name: string;
  /** Virtio device type (virtio 1.2 §5). */
  readonly deviceType: number;
  /** Takes a device up that has been reset and acknowledged. An exception says why it could not. */
  probe(device: VirtioDevice): void;
  /** Lets go of a device that it took up, which may be gone already. */
  remove(device: VirtioDevice): void;
}

/** A device that has a driver. */
interface Binding {
  readonly device: VirtioDevice;
  readonly driver: VirtioDriver;
}

/** Brings virtio devices, whatever they are reached through, and their drivers together. */
export class VirtioBus {
  readonly #drivers: VirtioDriver[] = [];
  readonly #clock: Clock;
  readonly #bindings = new Map<VirtioTransport, Binding>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  registerDriver(driver: VirtioDriver): void {
    this.#drivers.push(driver);
  }

  /** Resets and acknowledges a device, and hands it to its driver. FAILED is set when that throws. */
  addDevice(transport: VirtioTransport): void {
    const driver = this.#drivers.find(({ deviceType }) => deviceType === transport.deviceType);
    if (driver === undefined) {
      throw new VirtioError(
        `${transport.name} is a virtio device of type ${transport.deviceType}: no driver for it`,
      );
    }
    const device = new VirtioDevice(transport, this.#clock);
    device.reset();
    device.acknowledge();
    try {
      driver.probe(device);
    } catch (error) {
      device.fail();
      throw error;
    }
    this.#bindings.set(transport, { device, driver });
  }

  /** Has the driver of a device let go of it; nothing for one that isn't on the bus. */
  removeDevice(transport: VirtioTransport): void {
    const binding = this.#bindings.get(transport);
    if (binding === undefined) return;
    this.#bindings.delete(transport);
    binding.driver.remove(binding.device);
  }
}
