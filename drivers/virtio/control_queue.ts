import { NetdevError } from "../../netdev/netdev_error.ts";
import type { VirtioDevice } from "./virtio_device.ts";
import type { QueueDoorbell } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

/** What the device answers (virtio 1.2 §5.1.6.5). */
const VIRTIO_NET_OK = 0;
const VIRTIO_NET_ERR = 1;
/** None of its answers: stands in the buffer until the device has written one. */
const NO_ANSWER = 0xff;

/** Bytes that fit into one command, and into one result. */
const DATA_BYTES = 1024;
const RESULT_BYTES = 64;

/** Where the parts of a command lie in the memory of the queue: what the two sides write is apart. */
const HEADER = 0;
const HEADER_BYTES = 2;
const ANSWER = 64;
const ANSWER_BYTES = 1;
const RESULT = 68;
const DATA = 192;
const ALIGN = 64;

/** Descriptors of the longest command: header, data, answer, result. */
const MIN_DESCRIPTORS = 4;

/** A device answers in microseconds; it may be a process that others keep from running. */
const ANSWER_TIMEOUT_MS = 2000;
/** Looks at the ring between two looks at the device and at the clock. */
const SPINS = 256;

/**
 * Number of the control queue: behind all pairs of queues. That's the first pair alone, unless
 * VIRTIO_NET_F_MQ or VIRTIO_NET_F_RSS is negotiated; then `maxPairs` is what the device has (virtio
 * 1.2 §5.1.2).
 */
export function controlQueueIndex(maxPairs: number): number {
  return 2 * maxPairs;
}

/**
 * The control queue of a network card (virtio 1.2 §5.1.6.5), on which it's told what isn't a packet.
 * One command at a time: its buffers are made once, and whoever gives one waits for the answer. That
 * takes some 50 µs with QEMU, so none is given on the path of a packet.
 */
export class ControlQueue {
  readonly vq: Virtqueue<ControlQueue>;
  readonly #device: VirtioDevice;
  /** Offset of the buffers in the region. */
  readonly #memory: number;
  #doorbell: QueueDoorbell | null = null;
  /** Why nothing more can be said to the device until it's reset; null while it can. */
  #failure: string | null = null;

  /**
   * `vq`: an empty queue for this alone, which owns it from here on. `NetdevError("EIO")` for one of
   * less than 4 descriptors, `ENOSPC` when there's no memory; it's released then.
   */
  constructor(device: VirtioDevice, vq: Virtqueue<ControlQueue>) {
    this.vq = vq;
    this.#device = device;
    try {
      this.#memory = allocate(device, vq.size);
    } catch (error) {
      vq.release();
      throw error;
    }
  }

  /** The device answered nothing, or nonsense: it has to be reset before it can be told anything. */
  get broken(): boolean {
    return this.#failure !== null;
  }

  /** The queue is live from here on: after DRIVER_OK. */
  start(doorbell: QueueDoorbell): void {
    this.#doorbell = doorbell;
    this.vq.disableInterrupts();
  }

  /** Forgets what a device was told that was reset, and makes the queue ready to be used again. */
  stop(): void {
    this.#doorbell = null;
    this.#failure = null;
    while (this.vq.reclaim() !== null);
    this.vq.reset();
  }

  /** Gives its memory back, once no device knows of it. It can't be used any more. */
  release(): void {
    this.#device.transport.dma.free(this.#memory);
    this.vq.release();
  }

  /**
   * Gives a command with up to 1024 bytes of `data`, which are copied, and waits until it's done.
   * `NetdevError("EIO")` when the device refuses it, and when no answer comes within 2 s or what
   * comes is none; the queue is {@link broken} in these two. `EINVAL` before `start`.
   */
  command(commandClass: number, command: number, data: Uint8Array): void {
    this.#exchange(commandClass, command, data, 0);
  }

  /** {@link command} with a result of up to 64 bytes, of which a copy is returned. */
  query(
    commandClass: number,
    command: number,
    data: Uint8Array,
    resultBytes: number,
  ): Uint8Array {
    this.#exchange(commandClass, command, data, resultBytes);
    const result = this.#memory + RESULT;
    return this.#u8.slice(result, result + resultBytes);
  }

  #exchange(commandClass: number, command: number, data: Uint8Array, resultBytes: number): void {
    const doorbell = this.#doorbell;
    const what = `control command ${commandClass}.${command}`;
    if (doorbell === null) throw new NetdevError("EINVAL", `${what} before the queue is live`);
    if (this.#failure !== null) throw new NetdevError("EIO", this.#failure);
    if (data.length > DATA_BYTES || resultBytes > RESULT_BYTES) {
      throw new NetdevError(
        "EINVAL",
        `${what} of ${data.length} bytes with a result of ${resultBytes}: ${DATA_BYTES} and ${RESULT_BYTES} are possible`,
      );
    }
    const u8 = this.#u8;
    const memory = this.#memory;
    u8[memory + HEADER] = commandClass;
    u8[memory + HEADER + 1] = command;
    u8.set(data, memory + DATA);
    u8[memory + ANSWER] = NO_ANSWER;
    u8.fill(0, memory + RESULT, memory + RESULT + resultBytes);
    this.#post(data.length, resultBytes);
    if (this.vq.publish()) doorbell.ring();
    this.#await(what);
    const answer = u8[memory + ANSWER];
    if (answer === VIRTIO_NET_OK) return;
    const { name } = this.#device.transport;
    if (answer === VIRTIO_NET_ERR) throw new NetdevError("EIO", `${name} refused ${what}`);
    throw this.#fail(`${name} answered ${what} with ${answer}, which is none of its answers`);
  }

  /** Each part is a descriptor of its own, as older devices want it (§5.1.6.5, legacy interface). */
  #post(dataBytes: number, resultBytes: number): void {
    const { vq } = this;
    vq.stage(this.#memory + HEADER, HEADER_BYTES, false);
    // A descriptor of no bytes makes QEMU give up on the device.
    if (dataBytes > 0) vq.stage(this.#memory + DATA, dataBytes, false);
    vq.stage(this.#memory + ANSWER, ANSWER_BYTES, true);
    if (resultBytes > 0) vq.stage(this.#memory + RESULT, resultBytes, true);
    vq.commit(this);
  }

  /** Waits for the buffer to come back. A look at the device also lets a QEMU get on that has to share a core. */
  #await(what: string): void {
    const { vq } = this;
    const { transport, clock } = this.#device;
    const deadline = clock.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      for (let spin = 0; spin < SPINS; spin++) {
        if (vq.usedCount() === 0) continue;
        if (vq.takeUsed() !== null) return;
        break;
      }
      const { name } = transport;
      if (vq.broken) throw this.#fail(`${name} broke the control queue: its used ring is nonsense`);
      if (!transport.present()) throw this.#fail(`${name} is gone`);
      if (clock.now() <= deadline) continue;
      throw this.#fail(`${name} did not answer ${what} within ${ANSWER_TIMEOUT_MS} ms`);
    }
  }

  /** A late answer would be taken for that to another command, so there's no other. */
  #fail(failure: string): NetdevError {
    this.#failure = failure;
    return new NetdevError("EIO", failure);
  }

  get #u8(): Uint8Array {
    return this.#device.transport.dma.region.u8;
  }
}

function allocate({ transport }: VirtioDevice, size: number): number {
  if (size >= MIN_DESCRIPTORS) return transport.dma.alloc(DATA + DATA_BYTES, ALIGN);
  throw new NetdevError(
    "EIO",
    `${transport.name} has a control queue of ${size}: ${MIN_DESCRIPTORS} are needed`,
  );
}
