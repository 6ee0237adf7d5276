import { check, ENODEV, errno, ErrnoError } from "./errno.ts";
import { libc } from "./libc.ts";
import { openSocket, SOCK_DGRAM } from "./socket.ts";
import { AF_UNIX } from "./unix_address.ts";

/** linux/sockios.h */
const SIOCGIFFLAGS = 0x8913n;
const SIOCSIFFLAGS = 0x8914n;
const SIOCGIFMTU = 0x8921n;
const SIOCSIFMTU = 0x8922n;

/** netdevice(7): set up by somebody, and able to carry packets. */
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;

/** `struct ifreq`: a name of up to 15 bytes and a zero, then a union. */
const IFREQ_BYTES = 40;
const IFR_VALUE = 16;
export const INTERFACE_NAME_MAX_BYTES = 15;

/** The settings of Linux's network interfaces, by name, as the user of this process may see them. */
export class NetworkInterfaceControl implements Disposable {
  /** The calls take a socket of any kind. They speak of its network namespace. */
  readonly #fd = openSocket(AF_UNIX, SOCK_DGRAM);
  #closed = false;

  /** Whether there is an interface of this name. */
  exists(name: string): boolean {
    return this.#flags(name) !== null;
  }

  /** Whether somebody has set it up, whatever its carrier; false when there is none of this name. */
  isUp(name: string): boolean {
    return ((this.#flags(name) ?? 0) & IFF_UP) !== 0;
  }

  /** Whether it is set up and has a carrier; false when there is none of this name. */
  isRunning(name: string): boolean {
    const wanted = IFF_UP | IFF_RUNNING;
    return ((this.#flags(name) ?? 0) & wanted) === wanted;
  }

  /** Sets it up. `ErrnoError`. */
  setUp(name: string): void {
    const request = interfaceRequest(name);
    const flags = new Uint16Array(request.buffer, IFR_VALUE, 1);
    check("ioctl(SIOCGIFFLAGS)", libc.ioctl(this.#fd, SIOCGIFFLAGS, request));
    flags[0] |= IFF_UP;
    check("ioctl(SIOCSIFFLAGS)", libc.ioctl(this.#fd, SIOCSIFFLAGS, request));
  }

  /** Its MTU in bytes. `ErrnoError`. */
  mtu(name: string): number {
    const request = interfaceRequest(name);
    check("ioctl(SIOCGIFMTU)", libc.ioctl(this.#fd, SIOCGIFMTU, request));
    return new Int32Array(request.buffer, IFR_VALUE, 1)[0];
  }

  /** Gives it another MTU. `ErrnoError`. */
  setMtu(name: string, mtu: number): void {
    const request = interfaceRequest(name);
    new Int32Array(request.buffer, IFR_VALUE, 1)[0] = mtu;
    check("ioctl(SIOCSIFMTU)", libc.ioctl(this.#fd, SIOCSIFMTU, request));
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    check("close", libc.close(this.#fd));
  }

  /** Its flags, or null when there is none of this name. */
  #flags(name: string): number | null {
    const request = interfaceRequest(name);
    if (libc.ioctl(this.#fd, SIOCGIFFLAGS, request) === 0) {
      return new Uint16Array(request.buffer, IFR_VALUE, 1)[0];
    }
    if (errno() === ENODEV) return null;
    throw new ErrnoError("ioctl(SIOCGIFFLAGS)", errno());
  }
}

/** A zeroed `struct ifreq` for the interface of this name. `RangeError` when the name is too long. */
export function interfaceRequest(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > INTERFACE_NAME_MAX_BYTES) {
    throw new RangeError(
      `interface name "${name}" is longer than ${INTERFACE_NAME_MAX_BYTES} bytes`,
    );
  }
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(bytes);
  return request;
}
