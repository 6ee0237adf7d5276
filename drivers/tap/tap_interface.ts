import { NetdevError } from "../../netdev/netdev_error.ts";
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENXIO, EPERM, ErrnoError } from "../ffi/errno.ts";
import { closeFd } from "../ffi/file_descriptor.ts";
import { NetworkInterfaceControl } from "../ffi/network_interface_control.ts";
import { attachTap, openTun } from "../ffi/tun.ts";

/** How long Linux may take to notice that an interface has a carrier, and how often to look. */
const CARRIER_PATIENCE_MS = 2000;
const CARRIER_POLL_MS = 1;

/**
 * The far end of a TAP interface: what Linux sends out there is read from `fd`, and what is written
 * to `fd` comes in there.
 */
export class TapInterface implements Disposable {
  readonly name: string;
  /** Non-blocking. */
  readonly fd: number;
  /** Whether the interface was made here; it then goes away with this object. */
  readonly created: boolean;
  /** Largest IP packet that Linux sends there, in bytes, as it was on opening. */
  readonly mtu: number;
  readonly #control: NetworkInterfaceControl;
  #closed = false;

  /**
   * Attaches to the TAP interface `name`, just as its owner has set it up. When there is none, makes
   * it, with this MTU, and sets it up; its addresses are left to its owner. `NetdevError`: EPERM
   * when the user may not, EBUSY when another process is attached, EINVAL when it's another kind of
   * interface or the MTU won't do, ENODEV when this Linux has no TAP.
   */
  constructor(name: string, mtu: number) {
    this.name = name;
    this.#control = new NetworkInterfaceControl();
    let fd = -1;
    try {
      this.created = !this.#control.exists(name);
      fd = this.fd = openTunOrSay();
      attachOrSay(fd, name, this.created);
      if (this.created) setUpOrSay(this.#control, name, mtu);
      this.mtu = this.#control.mtu(name);
    } catch (error) {
      if (fd >= 0) closeFd(fd);
      this.#control[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether the interface is there, set up, and has a carrier. */
  get running(): boolean {
    return this.#control.isRunning(this.name);
  }

  /**
   * Waits until Linux has noticed that somebody is attached, which it does in its own time (its
   * linkwatch): until then it throws away what it would send there. Not for an interface that is set
   * down, as that may stay so, and not for ever.
   */
  async carrierNoticed(): Promise<void> {
    // It says so a moment before it is ready to send (link_watch.c, linkwatch_do_dev): a look more.
    let seen = 0;
    for (let waited = 0; waited < CARRIER_PATIENCE_MS; waited += CARRIER_POLL_MS) {
      if (this.running) seen++;
      if (seen === 2 || !this.#control.isUp(this.name)) return;
      await new Promise((resolve) => setTimeout(resolve, CARRIER_POLL_MS));
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#control[Symbol.dispose]();
    closeFd(this.fd);
  }
}

function openTunOrSay(): number {
  try {
    return openTun();
  } catch (cause) {
    switch (errnoOf(cause)) {
      case ENOENT:
      case ENODEV:
      case ENXIO:
        throw new NetdevError("ENODEV", "there is no /dev/net/tun: run `modprobe tun` as root", {
          cause,
        });
      case EPERM:
      case EACCES:
        throw new NetdevError("EPERM", "this user may not open /dev/net/tun: run as root", {
          cause,
        });
      default:
        throw cause;
    }
  }
}

function attachOrSay(fd: number, name: string, absent: boolean): void {
  try {
    attachTap(fd, name);
  } catch (cause) {
    switch (errnoOf(cause)) {
      case EBUSY:
        throw new NetdevError(
          "EBUSY",
          `TAP interface ${name} is in use by another process: stop that, or take another name`,
          { cause },
        );
      case EINVAL:
        throw new NetdevError(
          "EINVAL",
          `interface ${name} is no TAP interface with one queue: take another name`,
          { cause },
        );
      case EPERM: {
        const made = `ip tuntap add dev ${name} mode tap user NAME && ip link set ${name} up`;
        const reason = absent
          ? `there is no interface ${name}, and this user may not make one`
          : `TAP interface ${name} belongs to another user`;
        throw new NetdevError("EPERM", `${reason}: run as root, or have root run \`${made}\``, {
          cause,
        });
      }
      default:
        throw cause;
    }
  }
}

function setUpOrSay(control: NetworkInterfaceControl, name: string, mtu: number): void {
  try {
    control.setMtu(name, mtu);
    control.setUp(name);
  } catch (cause) {
    throw new NetdevError("EINVAL", `interface ${name} can't be set up with an MTU of ${mtu}`, {
      cause,
    });
  }
}

function errnoOf(error: unknown): number | null {
  return error instanceof ErrnoError ? error.errno : null;
}
