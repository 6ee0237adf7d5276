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

/** An interrupt of the device: what the transport calls it, and its queue; null: configuration. */
export interface VirtioVector {
  readonly name: string;
  readonly queue: number | null;
}

/**
 * How a virtio device is reached (virtio 1.2 §4): the operations that each transport has registers
 * for. All of it is set-up; packets pass through the rings and the doorbells.
 */
export interface VirtioTransport {
  /** Where it sits, for messages: `pci 00:02.0`. */
  readonly name: string;
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
  /** Changes whenever configuration changed (§2.5.1). */
  configGeneration(): number;
  /** Queues that the device has. */
  readonly queueCount: number;
  /** Largest size of a queue, 0 when the queue is not there. */
  queueSizeMax(index: number): number;
  /** Hands a queue to the device, and returns its doorbell. */
  queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell;
  /**
   * Gives configuration changes an interrupt of their own and each queue one, in order; `null`
   * handlers are never called. Each assignment is read back. A reset of the device undoes it.
   */
  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void;
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
