import { EADDRINUSE, ErrnoError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { listenAbstract } from "../../ffi/unix_socket.ts";
import { HUB_PORTS, hubPortName } from "../../hub/hub_port.ts";
import { QemuError } from "./qemu_error.ts";

/** Descriptors of sockets that QEMU is to accept others on. The caller closes them. */
export interface ListeningSockets {
  /** The hub's ports, none without a hub. */
  readonly hubFds: readonly number[];
  /** The operator's monitor, or null. */
  readonly monitorFd: number | null;
}

/**
 * Listens on abstract UNIX sockets in QEMU's place, as QEMU's own words for a name that is taken help
 * nobody. `QemuError` says what is taken, and what to do.
 */
export function listen(hub: string | null, monitor: string | null): ListeningSockets {
  const fds: number[] = [];
  const listenAs = (name: string, taken: string): number => {
    const { fd } = orExplain(() => listenAbstract(name, 1), taken);
    fds.push(fd);
    return fd;
  };
  try {
    const hubTaken =
      `hub "${hub}" is taken by an appliance that runs already: give this one --hub=NAME`;
    const hubFds = hub === null ? [] : Array.from(
      { length: HUB_PORTS },
      (_, port) => listenAs(hubPortName(hub, port), hubTaken),
    );
    const taken = `monitor "${monitor}" is taken already: give this one --monitor=NAME`;
    return { hubFds, monitorFd: monitor === null ? null : listenAs(monitor, taken) };
  } catch (error) {
    for (const fd of fds) libc.close(fd);
    throw error;
  }
}

function orExplain<T>(listenOn: () => T, taken: string): T {
  try {
    return listenOn();
  } catch (cause) {
    if (!(cause instanceof ErrnoError) || cause.errno !== EADDRINUSE) throw cause;
    throw new QemuError(taken, { cause });
  }
}
