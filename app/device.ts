import type { Netdev } from "../netdev/netdev.ts";
import type { NetdevRegistry } from "../netdev/netdev_registry.ts";

/** What every kind of device is opened with. */
export interface DeviceConfig {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** QEMU's own `-netdev` string, and the name of the hub that it opens: for QEMU only. */
  readonly netdev: string;
  readonly hub: string;
  /** Where it is registered, with the other devices of this process. */
  readonly registry: NetdevRegistry;
  /** The device is gone for good; one line says how. */
  readonly onGone: (reason: string) => void;
  /** The device can't go on until it's stopped and started again; one line says why. */
  readonly onFailure: (reason: string) => void;
  readonly onLink: (up: boolean) => void;
  /** The device is about to be taken out: it is closed as soon as this returns, and mustn't be used. */
  readonly onUnplug: () => void;
  /** Another one was put in its place, and is probed; its memory is the same. */
  readonly onPlug: (netdev: Netdev) => void;
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
