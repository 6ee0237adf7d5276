import type { NetdevEinfo } from "./einfo.ts";
import { type FrameRecorder, recordedOps } from "./frame_recorder.ts";
import { type NetDevice, NetDeviceState } from "./net_device.ts";
import { resolveName } from "./net_device_name.ts";
import { Netdev } from "./netdev.ts";
import { checkMtu } from "./netdev_checks.ts";
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
  "promiscuousGet",
  "rxBurst",
  "rxqStatus",
  "txBurst",
  "txqReclaim",
  "statsGet",
];

/** What all devices of a registry have in common. */
export interface NetdevRegistryOptions {
  /** Sees every frame of every device that is registered. */
  readonly recorder?: FrameRecorder | null;
  /** What a command line gives to each device, by number (`einfoFromCommandLine`). */
  readonly einfo?: readonly NetdevEinfo[];
}

/** The devices of this process, of any drivers, numbered and named as they were registered. */
export class NetdevRegistry {
  readonly #netdevs = new Map<number, Netdev>();
  /** Those of the Netdevs. */
  readonly #devices = new Map<Netdev, NetDevice>();
  readonly #recorder: FrameRecorder | null;
  readonly #einfo: readonly NetdevEinfo[];
  #nextId = 0;

  /** Without any device yet. */
  constructor({ recorder = null, einfo = [] }: NetdevRegistryOptions = {}) {
    this.#recorder = recorder;
    this.#einfo = einfo;
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
   * Takes up a driver's device, and makes what its users get.
   *
   * Here two registrations are one. Linux's `register_netdev` makes a device that was allocated and
   * set up known by a name: a pattern such as `net%d` gets the lowest number that no device here has
   * just now, so a name comes back into use. Unikraft's `uk_netdev_drv_register` checks the ops and
   * puts the device under a number, its id, that only grows and never means another device. Both are
   * the one moment from which on others find the device, so both happen here or neither does: the
   * {@link NetDevice} stays with the driver, which alone may write it, and the {@link Netdev} with the
   * same ops behind it goes to the users, with uk_netdev's calls and states. The device's own states
   * say only whether it's registered, and einfo comes with the number. A `Netdev` begins in UNPROBED,
   * or in UNCONFIGURED when the driver has nothing to probe.
   *
   * `NetdevError("EINVAL")` when a mandatory op is missing, or only one of the two interrupt ops is
   * there, or the MTU is outside its limits, or the device was unregistered before; `("EBUSY")` when
   * it's registered already, `("EEXIST")` when another has its name. A refused device stays as it was.
   */
  drvRegister(device: NetDevice): Netdev {
    checkState(device);
    checkOps(device);
    checkMtu(device.mtu, device.minMtu, device.maxMtu);
    const name = resolveName(device.name, (taken) => this.#isTaken(taken));
    const recorder = this.#recorder;
    const ops = recorder === null ? device.priv : recordedOps(device.priv, recorder);
    const id = this.#nextId++;
    const netdev = new Netdev(id, device, ops, this.#einfo[id] ?? {});
    this.#netdevs.set(netdev.id, netdev);
    this.#devices.set(netdev, device);
    device.registered(name);
    return netdev;
  }

  /**
   * Forgets a closed device, whose name is free again; its number isn't. `NetdevError("EBUSY")` while
   * it is not closed, `NetdevError("ENODEV")` when it is not registered here, or not any more.
   */
  drvUnregister(netdev: Netdev): void {
    const device = this.#devices.get(netdev);
    if (device === undefined) {
      throw new NetdevError("ENODEV", `${netdev.name} is not registered here`);
    }
    if (netdev.state !== NetdevState.INVALID) {
      throw new NetdevError("EBUSY", `${netdev.name} is still open: close it first`);
    }
    this.#netdevs.delete(netdev.id);
    this.#devices.delete(netdev);
    device.unregistered();
  }

  #isTaken(name: string): boolean {
    for (const device of this.#devices.values()) if (device.name === name) return true;
    return false;
  }
}

function checkState({ name, state }: NetDevice): void {
  if (state === NetDeviceState.REGISTERED) {
    throw new NetdevError("EBUSY", `${name} is registered already`);
  }
  if (state === NetDeviceState.UNREGISTERED) {
    throw new NetdevError("EINVAL", `${name} was unregistered: allocate another device`);
  }
}

function checkOps({ driverName, priv }: NetDevice): void {
  for (const name of MANDATORY_OPS) {
    if (typeof priv[name] !== "function") {
      throw new NetdevError("EINVAL", `driver ${driverName} lacks the mandatory op ${name}`);
    }
  }
  if ((priv.rxqIntrEnable === undefined) !== (priv.rxqIntrDisable === undefined)) {
    throw new NetdevError(
      "EINVAL",
      `driver ${driverName} has one of rxqIntrEnable and rxqIntrDisable: both or neither`,
    );
  }
}
