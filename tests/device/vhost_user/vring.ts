import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { compiled } from "../../../drivers/ffi/libc.ts";
import type { VringAddr } from "../../../drivers/virtio/vhost_user/message.ts";
import { BackEndError } from "./back_end_error.ts";
import { createDeviceRing, type DeviceRing } from "./device_ring.ts";
import type { GuestMemory } from "./guest_memory.ts";

const eventfdWrite = compiled("eventfd_write");

/** What a ring needs to know of what was negotiated. */
export interface RingFormat {
  readonly packed: boolean;
  readonly eventIndex: boolean;
}

/** One vring as the messages of a front-end describe it, bit by bit, and the ring once it's started. */
export class Vring implements Disposable {
  readonly index: number;
  size = 0;
  base = 0;
  addresses: VringAddr | null = null;
  /** SET_VRING_ENABLE's, or true from the start without protocol features. */
  enabled = false;
  /** Whether SET_VRING_KICK came since the last stop. */
  #kicked = false;
  #kickFd: number | null = null;
  #callFd: number | null = null;
  #ring: DeviceRing | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** The ring, when it's started and enabled. */
  get ring(): DeviceRing | null {
    return this.enabled ? this.#ring : null;
  }

  /** What is signalled when buffers are available; null to be polled. */
  get kickFd(): number | null {
    return this.#kickFd;
  }

  /** Takes the descriptor over, null for none. */
  setKick(fd: number | null): void {
    if (this.#kickFd !== null) closeFd(this.#kickFd);
    this.#kickFd = fd;
    this.#kicked = true;
  }

  setCall(fd: number | null): void {
    if (this.#callFd !== null) closeFd(this.#callFd);
    this.#callFd = fd;
  }

  /** Interrupts the driver, if it gave a descriptor for that. One system call. */
  call(): void {
    if (this.#callFd !== null) eventfdWrite(this.#callFd, 1n);
  }

  /**
   * Starts it when all is known ("Ring states"), or takes it up again in another memory.
   * {@link BackEndError} when it lies outside, or is misaligned (virtio 1.2 §2.7, §2.8).
   */
  start(memory: GuestMemory, { packed, eventIndex }: RingFormat): void {
    const { addresses, size } = this;
    if (addresses === null || size === 0 || !this.#kicked) return;
    const part = (name: string, address: number, length: number, align: number): number => {
      const offset = memory.userOffset(address, length);
      if (offset >= 0 && offset % align === 0) return offset;
      const where = `0x${address.toString(16)}`;
      const what = offset < 0 ? "outside the memory table" : `not aligned to ${align}`;
      throw new BackEndError(`vring ${this.index}: its ${name} at ${where} is ${what}`);
    };
    const place = {
      size,
      base: this.#ring?.base ?? this.base,
      eventIndex,
      descriptors: part("descriptors", addresses.descriptorArea, 16 * size, 16),
      driverArea: part(
        "driver area",
        addresses.driverArea,
        packed ? 4 : 6 + 2 * size,
        packed ? 4 : 2,
      ),
      deviceArea: part("device area", addresses.deviceArea, packed ? 4 : 6 + 8 * size, 4),
    };
    this.#ring = createDeviceRing(memory, packed, place);
  }

  /** Stops it: where it would go on. */
  stop(): number {
    if (this.#ring !== null) this.base = this.#ring.base;
    this.#ring = null;
    if (this.#kickFd !== null) closeFd(this.#kickFd);
    this.#kickFd = null;
    this.#kicked = false;
    return this.base;
  }

  [Symbol.dispose](): void {
    this.stop();
    this.setCall(null);
  }
}
