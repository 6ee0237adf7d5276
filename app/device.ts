import type { FrameRecorder } from "../netdev/frame_recorder.ts";
import type { Netdev } from "../netdev/netdev.ts";

/** What every kind of device is opened with. */
export interface DeviceConfig {
  readonly mac: Uint8Array;
  readonly mtu: number;
  /** QEMU's own `-netdev` string, and the name of the hub that it opens: for QEMU only. */
  readonly netdev: string;
  readonly hub: string;
  /** Sees all frames, unless it's null. */
  readonly recorder: FrameRecorder | null;
  /** The device is gone for good; one line says how. */
  readonly onGone: (reason: string) => void;
  /** The device can't go on until it's stopped and started again; one line says why. */
  readonly onFailure: (reason: string) => void;
  readonly onLink: (up: boolean) => void;
}

/** An open network device, and what there is to say of it. */
export interface OpenDevice {
  /** Probed, not yet configured. */
  readonly netdev: Netdev;
  /** Where it sits. */
  readonly location: string;
  /** The process that it's part of, if it's that of a process. */
  readonly pid: number | null;
  /** Resets the device and gives back all that belongs to it. */
  close(): Promise<void>;
}
