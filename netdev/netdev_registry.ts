import { type FrameRecorder, recordedOps } from "./frame_recorder.ts";
import { Netdev } from "./netdev.ts";
import type { NetdevOps } from "./netdev_driver.ts";
import { NetdevError } from "./netdev_error.ts";
import { NetdevState } from "./netdev_types.ts";

const MANDATORY_OPS: readonly (keyof NetdevOps)[] = [
  "infoGet",
  "rxqInfoGet",
  "txqInfoGet",
  "configure",
  "poolCreate",
  "rxqConfigure",
  "txqConfigure",
  "start",
  "stop",
  "unconfigure",
  "close",
  "mtuGet",
  "promiscuousGet",
  "rxBurst",
  "rxqStatus",
  "txBurst",
  "txqReclaim",
  "statsGet",
];

/** The devices of this process, numbered as they were registered. */
export class NetdevRegistry {
  readonly #netdevs = new Map<number, Netdev>();
  readonly #recorder: FrameRecorder | null;
  #nextId = 0;

  /** With a recorder, it sees every frame of every device that is registered here. */
  constructor(recorder: FrameRecorder | null = null) {
    this.#recorder = recorder;
  }

  /** Devices that are registered. */
  count(): number {
    return this.#netdevs.size;
  }

  /** The device of this number. `NetdevError("ENODEV")` when there is none. */
  get(id: number): Netdev {
    const netdev = this.#netdevs.get(id);
    if (netdev === undefined) {
      throw new NetdevError("ENODEV", `no device ${id}: ${this.count()} are registered`);
    }
    return netdev;
  }

  /**
   * `uk_netdev_drv_register`: takes a driver's device up under the next number, UNPROBED, or
   * UNCONFIGURED when the driver has nothing to probe. `NetdevError("EINVAL")` when a mandatory op
   * is missing, or only one of the two interrupt ops is there.
   */
  drvRegister(ops: NetdevOps, driverName: string): Netdev {
    for (const name of MANDATORY_OPS) {
      if (typeof ops[name] !== "function") {
        throw new NetdevError("EINVAL", `driver ${driverName} lacks the mandatory op ${name}`);
      }
    }
    if ((ops.rxqIntrEnable === undefined) !== (ops.rxqIntrDisable === undefined)) {
      throw new NetdevError(
        "EINVAL",
        `driver ${driverName} has one of rxqIntrEnable and rxqIntrDisable: both or neither`,
      );
    }
    const recorder = this.#recorder;
    const used = recorder === null ? ops : recordedOps(ops, recorder);
    const netdev = new Netdev(this.#nextId++, driverName, used);
    this.#netdevs.set(netdev.id, netdev);
    return netdev;
  }

  /**
   * Forgets a closed device. Its number is not given out again. `NetdevError("EBUSY")` while it is
   * not closed, `NetdevError("ENODEV")` when it is not registered here, or not any more.
   */
  drvUnregister(netdev: Netdev): void {
    if (this.#netdevs.get(netdev.id) !== netdev) {
      throw new NetdevError("ENODEV", `${netdev.name} is not registered here`);
    }
    if (netdev.state !== NetdevState.INVALID) {
      throw new NetdevError("EBUSY", `${netdev.name} is still open: close it first`);
    }
    this.#netdevs.delete(netdev.id);
  }
}
