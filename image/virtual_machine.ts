import { ErrnoError } from "../drivers/ffi/errno.ts";
import { letInherit } from "../drivers/ffi/inheritance.ts";
import { libc } from "../drivers/ffi/libc.ts";
import { socketPair, type UnixSocket } from "../drivers/ffi/unix_socket.ts";
import { hubListens } from "../drivers/hub/hub_port.ts";
import { listen } from "../drivers/pci/qemu/listening_sockets.ts";
import { QemuError } from "../drivers/pci/qemu/qemu_error.ts";
import { QemuProcess } from "../drivers/pci/qemu/qemu_process.ts";
import { QmpClient } from "../drivers/pci/qemu/qmp_client.ts";
import { vmCommandLine, type VmMachine } from "./vm_command_line.ts";

/** What to start, and the names by which others reach it. */
export interface VirtualMachineOptions extends VmMachine {
  /** Name of the hub by which others join the network; null for none, as with several queues. */
  readonly hub: string | null;
  /** Name of an abstract UNIX socket for an operator's QMP, or null. */
  readonly monitor: string | null;
}

/** How it ended. */
export interface VmEnd {
  /** 0 when the guest has switched it off, 1 otherwise. */
  readonly status: number;
  /** One line that says why, or null when the guest has said so itself, if there is anything to say. */
  readonly reason: string | null;
}

/** A machine that QEMU runs, with its console, its power button, and its plug. */
export class VirtualMachine implements Disposable {
  readonly #options: VirtualMachineOptions;
  readonly #process: QemuProcess;
  readonly #socket: UnixSocket;
  readonly #qmp: QmpClient;
  #unplugged: string | null = null;

  /** Powers it on. `QemuError` with one line when the name of one of its sockets is taken. */
  constructor(options: VirtualMachineOptions) {
    this.#options = options;
    const inherited: number[] = [];
    const [qmp, qmpOfQemu] = socketPair();
    inherited.push(qmpOfQemu.fd);
    this.#socket = qmp;
    this.#qmp = new QmpClient(qmp);
    try {
      const { hubFds, monitorFd } = listen(options.hub, options.monitor);
      inherited.push(...hubFds);
      if (monitorFd !== null) inherited.push(monitorFd);
      inherited.forEach(letInherit);
      const args = vmCommandLine(options, { qmpFd: qmpOfQemu.fd, monitorFd, hubFds });
      this.#process = new QemuProcess(args, { console: true });
    } catch (error) {
      qmp[Symbol.dispose]();
      throw error;
    } finally {
      // What QEMU has inherited is its own now.
      for (const fd of inherited) libc.close(fd);
    }
  }

  /** Sets it going, when its network can be joined. It has {@link ended} when that can't be. */
  async start(): Promise<void> {
    try {
      this.#qmp.execute("qmp_capabilities");
      if (this.#options.hub !== null) await hubListens(this.#options.hub);
      this.#qmp.execute("cont");
    } catch (error) {
      if (!isGone(error)) throw error;
      // How it ended is what there is to tell; if it has not, it never will.
      await this.#process.kill();
    }
  }

  /** The process id of QEMU. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The serial port: what is typed, and what is shown. */
  get console(): QemuProcess["console"] {
    return this.#process.console;
  }

  /** Presses the power button, which the guest may or may not heed. */
  pressPowerButton(): void {
    this.#tell("system_powerdown");
  }

  /** Pulls the plug, for this reason. */
  unplug(reason: string): void {
    this.#unplugged ??= reason;
    this.#tell("quit");
  }

  /** Waits until it's off. */
  async ended(): Promise<VmEnd> {
    const line = await this.#process.ended;
    const shutdown = this.#shutdownReason();
    if (this.#unplugged !== null) return { status: 1, reason: this.#unplugged };
    switch (shutdown) {
      case "guest-shutdown":
        return { status: 0, reason: null };
      case "guest-panic":
        // The guest has said why before.
        return { status: 1, reason: null };
      case "guest-reset":
        // Linux restarts when it panics by itself (`panic=-1`), and QEMU ends then (`-no-reboot`).
        return { status: 1, reason: "the guest's kernel has crashed" };
      case null:
        return { status: 1, reason: line };
      default:
        return { status: 1, reason: `QEMU was stopped (${shutdown})` };
    }
  }

  /** Ends what is left of it at once. */
  [Symbol.dispose](): void {
    void this.#process.kill();
    this.#socket[Symbol.dispose]();
  }

  /** The reason in QMP's event `SHUTDOWN` (qapi/run-state.json, `ShutdownCause`), or null. */
  #shutdownReason(): string | null {
    try {
      const { data } = this.#qmp.event("SHUTDOWN");
      const hasReason = typeof data === "object" && data !== null && "reason" in data;
      return hasReason ? String(data.reason) : null;
    } catch (error) {
      if (isGone(error)) return null;
      throw error;
    }
  }

  /** Runs a command of a QEMU that may have gone, of which {@link ended} tells. */
  #tell(command: string): void {
    try {
      this.#qmp.execute(command);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof QemuError || error instanceof ErrnoError;
}
