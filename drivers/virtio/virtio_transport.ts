import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { FeatureSet } from "./features.ts";

/** Where the three parts of a virtqueue lie (virtio 1.2 §2.6), as device addresses. */
export interface VirtqueueAddresses {
  readonly size: number;
  readonly descriptorArea: number;
  readonly driverArea: number;
  readonly deviceArea: number;
}

/** Tells the device that a queue has new buffers: one notification for each ring(). */
export interface QueueDoorbell {
  ring(): void;
}

/** How one queue is reset while the others go on (VIRTIO_F_RING_RESET, virtio 1.2 §2.6.1). */
export interface QueueReset {
  /** Has the device let go of a queue, whose buffers stay the device's until {@link finish}. */
  begin(index: number): void;
  /** Whether it has; the queue may be enabled again then, and has the interrupt that it had. */
  finish(index: number): boolean;
  /** Whether the device lives through that with buffers in the queue that it can't get rid of. */
  readonly sparesStuck: boolean;
}

/** An interrupt of the device: what the transport calls it, and all that it tells of. */
export interface VirtioVector {
  readonly name: string;
  /** Whether it tells of changed configuration. */
  readonly config: boolean;
  /** The queues that it tells of. */
  readonly queues: readonly number[];
}

/**
 * How a device interrupts, from the best way to none: one MSI-X vector for configuration and one for
 * each queue; two, of which the queues share one; the pin of a PCI function, or the wire of a device
 * without a bus; not at all. A device that is another process signals eventfds.
 */
export type InterruptMode =
  | "msi-x per queue"
  | "msi-x shared"
  | "intx"
  | "wire"
  | "eventfd"
  | "polling";

/**
 * How a virtio device is reached (virtio 1.2 §4): the operations that each transport has registers
 * for. All of it is set-up; packets pass through the rings and the doorbells.
 */
export interface VirtioTransport {
  /** Where it sits, for messages: `pci 00:02.0`. */
  readonly name: string;
  /** Which of the transports it is, for people: `virtio-pci modern`. */
  readonly kind: string;
  /**
   * Whether this is the interface from before virtio 1.0 (§1.3.1): it has neither VERSION_1 nor
   * FEATURES_OK, a status that tells of no need for a reset, and fields in the byte order of the
   * machine, which is little-endian here.
   */
  readonly legacy: boolean;
  /**
   * Null where the three parts of a ring may lie anywhere. Else they lie behind each other, and the
   * first and the third begin at a multiple of so many bytes (§2.7.2).
   */
  readonly ringAlign: number | null;
  /** Whether a ring has the device's size, so that {@link queueSizeMax} is the only one possible. */
  readonly ringSizeFixed: boolean;
  /** Virtio device type (§5): 1 is a network card. */
  readonly deviceType: number;
  /** Memory for rings and buffers. */
  readonly dma: DmaArena;
  /** Whether the device is still there: one that was taken out reads as all ones. */
  present(): boolean;
  statusRead(): number;
  statusWrite(status: number): void;
  deviceFeatures(): FeatureSet;
  driverFeaturesWrite(features: FeatureSet): void;
  /** Bytes of device-specific configuration. */
  readonly configLength: number;
  /** One field of device-specific configuration, at its own width (§4.1.3.1). */
  configRead(offset: number, width: 1 | 2 | 4): number;
  /** Changes whenever configuration changed (§2.5.1); null where no such counter is (§2.5.4). */
  configGeneration(): number | null;
  /**
   * Whether somebody is at the other end: without, the link is down, and a change is one of
   * configuration. Absent where that's the device's own matter (VIRTIO_NET_F_STATUS).
   */
  readonly linkUp?: boolean;
  /** Why it asks for a reset, for messages, where there's only one reason. */
  readonly resetReason?: string;
  /** What else there is to tell of it, for people. */
  readonly facts?: readonly (readonly [name: string, value: string])[];
  /**
   * Pairs of queues that the device has, where it uses those that are enabled without being told by a
   * command. Absent where VIRTIO_NET_F_MQ and its configuration tell.
   */
  readonly queuePairs?: number;
  /**
   * Whether who serves the queues may leave them alone for as long as he likes: then one that stands
   * still is no fault, and a reset would mend nothing. Absent where only a fault can be the reason.
   */
  readonly mayPause?: boolean;
  /** Queues that the device has. */
  readonly queueCount: number;
  /** Largest size of a queue, 0 when the queue is not there. */
  queueSizeMax(index: number): number;
  /** Hands a queue to the device, and returns its doorbell. */
  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell;
  /** Absent or null where there are no registers to reset a queue by. */
  readonly queueReset?: QueueReset | null;
  /**
   * Connects configuration changes and queues, in order, to their handlers, in the best mode that
   * bus and device are capable of; `null` handlers are never called. Each assignment is read back.
   * A reset of the device undoes it. `onConfig` is called behind the interrupt, as a task of its
   * own, once for several changes; handlers of queues may be called without reason.
   */
  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void;
  /** The mode that {@link interruptsConnect} found; before it, the best that is to be tried. */
  readonly interruptMode: InterruptMode;
  /** The interrupts as they were connected; none before. */
  readonly vectors: readonly VirtioVector[];
  /** Calls no handler any more, until {@link interruptsConnect} is called again. */
  interruptsDisconnect(): void;
  /**
   * Drops the interrupts, takes the device's access to memory away, and gives back all that it had
   * of its bus. Nothing is called afterwards but this, which does nothing a second time.
   */
  shutdown(): void;
}
