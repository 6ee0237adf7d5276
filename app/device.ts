import type { Netdev } from "../netdev/netdev.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";
import type { RingFormat } from "../drivers/virtio/virtqueue.ts";
import type { CardEvents } from "./card_slot.ts";

/** What every kind of device is opened with. */
export interface DeviceConfig extends CardEvents {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** Queues each way that it is to have, where that can be chosen. */
  readonly queues: number;
  /** Of virtio's cards. */
  readonly ring: RingFormat;
  /** Entries of these; 0 for as many as the device likes. */
  readonly ringSize: number;
  /** QEMU's own `-netdev` string, and the names of its hub and its monitor: for QEMU only. */
  readonly netdev: string;
  readonly hub: string | null;
  /** Null for none. */
  readonly monitor: string | null;
  /** Where it is registered, with the other devices of this process. */
  readonly registry: NetdevRegistry;
  /** The device is gone for good; one line says how. */
  readonly onGone: (reason: string) => void;
  /** The device can't go on until it's stopped and started again; one line says why. */
  readonly onFailure: (reason: string) => void;
  readonly onLink: (up: boolean) => void;
  /** The device wants its host announced to the network. */
  readonly onAnnounce: () => void;
  /** It's waited for somebody to connect, before the device is open. */
  readonly onWaiting: (where: string) => void;
  /** Ends such a wait: opening the device throws the signal's reason then. */
  readonly stopping?: AbortSignal;
}

/** An open network device, and what there is to say of it. */
export interface OpenDevice {
  /** Probed, not yet configured. The first one, where it can be taken out and put back. */
  readonly netdev: Netdev;
  /** Where it sits. */
  readonly location: string;
  /** The process that it's part of, if it's that of a process. */
  readonly pid: number | null;
  /** Resets the device and gives back all that belongs to it, its registration too. */
  close(): Promise<void>;
}
