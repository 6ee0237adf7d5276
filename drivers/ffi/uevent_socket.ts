import { EAGAIN, EINTR, errno, ErrnoError } from "./errno.ts";
import { closeFd } from "./file_descriptor.ts";
import { libc } from "./libc.ts";
import { boundSocket, SOCK_DGRAM, SOCK_NONBLOCK } from "./socket.ts";

/** netlink(7). */
const AF_NETLINK = 16;
const NETLINK_KOBJECT_UEVENT = 15;
const KERNEL_GROUP = 1;
/** linux/kobject.h: UEVENT_BUFFER_SIZE, and the line in front. */
const MOST_BYTES = 8192;
/** recvmsg(2): messages were lost, as nobody read them in time. */
const ENOBUFS = 105;

/** What the kernel tells of a device. */
export interface Uevent {
  /** `add`, `remove`, `bind`, `unbind`, … */
  readonly action: string;
  /** `pci`, `net`, … */
  readonly subsystem: string;
  /** The device's name in sysfs. */
  readonly name: string;
}

/** The kernel's news of devices that come, go, and get drivers (netlink(7), lib/kobject_uevent.c). */
export class UeventSocket implements Disposable {
  readonly fd: number;
  readonly #buffer = new Uint8Array(MOST_BYTES);
  #closed = false;

  /** Tells of what happens from now on. */
  constructor() {
    // struct sockaddr_nl: family (16 bits), two bytes of nothing, our id (32), groups (32).
    const address = Uint32Array.of(AF_NETLINK, 0, KERNEL_GROUP);
    const type = SOCK_DGRAM | SOCK_NONBLOCK;
    this.fd = boundSocket(AF_NETLINK, type, address, NETLINK_KOBJECT_UEVENT);
  }

  /** The next one; null when there's none at the moment. */
  read(): Uevent | null {
    for (;;) {
      const n = libc.read(this.fd, this.#buffer, BigInt(MOST_BYTES));
      if (n >= 0) return parseUevent(this.#buffer.subarray(0, n));
      // Those that were lost are lost.
      if (errno() === EINTR || errno() === ENOBUFS) continue;
      if (errno() === EAGAIN) return null;
      throw new ErrnoError("read", errno());
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFd(this.fd);
  }
}

/** Reads a message: a line for people, and `NAME=value`s, each with a zero at the end. */
export function parseUevent(message: Uint8Array): Uevent {
  const values = new Map(
    new TextDecoder().decode(message).split("\0").map((line): [string, string] => {
      const equals = line.indexOf("=");
      return equals < 0 ? ["", line] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
  return {
    action: values.get("ACTION") ?? "",
    subsystem: values.get("SUBSYSTEM") ?? "",
    name: values.get("DEVPATH")?.split("/").at(-1) ?? "",
  };
}
