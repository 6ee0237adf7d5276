import { DmaArena } from "../../../netdev/dma_arena.ts";
import { ErrnoError } from "../../ffi/errno.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { letInherit } from "../../ffi/inheritance.ts";
import { libc } from "../../ffi/libc.ts";
import { createMemfd, MappedRegion } from "../../ffi/mapped_region.ts";
import { socketPair, type UnixSocket } from "../../ffi/unix_socket.ts";
import { hubListens } from "../../hub/hub_port.ts";
import { createHaltRom } from "./halt_rom.ts";
import { IrqLines } from "./irq_lines.ts";
import { listen } from "./listening_sockets.ts";
import type { BoxArguments } from "./qemu_command_line.ts";
import { QemuError } from "./qemu_error.ts";
import { QemuProcess } from "./qemu_process.ts";
import { QmpClient } from "./qmp_client.ts";
import { QtestClient } from "./qtest_client.ts";

const MEMORY_BYTES = 64 * 2 ** 20;

/** Part of 0xa0000–0xfffff isn't memory, and what a device writes there is lost. */
const DMA_START = 2 ** 20;

/** What every QEMU is started with. */
export interface QemuBoxOptions {
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** Name of the hub by which others join the network; null for none, as with several queues. */
  readonly hub: string | null;
  /**
   * Name of an abstract UNIX socket on which QEMU's machine protocol (QMP) listens for an operator,
   * one at a time; default none.
   */
  readonly monitor?: string | null;
  /** Called when QEMU ends before {@link QemuBox.close}, with one line that says why. */
  readonly onGone: (reason: string) => void;
}

/**
 * A QEMU process of our own as a box of devices, of whatever machine: its CPU halted, its memory a file
 * that we map, its registers reached by the qtest protocol, which also tells of its interrupt wires.
 */
export class QemuBox {
  readonly dma: DmaArena;
  readonly qtest: QtestClient;
  /** The inputs of its interrupt controller. */
  readonly irqs: IrqLines;
  readonly #options: QemuBoxOptions;
  readonly #memory: MappedRegion;
  readonly #process: QemuProcess;
  readonly #socket: UnixSocket;
  readonly #qmpSocket: UnixSocket;
  #closing = false;

  /**
   * Starts QEMU. `commandLine` is told the descriptors that it inherits; those in `more` are inherited
   * as well, and closed here in any case. `QemuError` with one line when a socket's name is taken.
   */
  constructor(
    options: QemuBoxOptions,
    waiter: FdWaiter,
    commandLine: (shared: BoxArguments) => string[],
    more: readonly number[] = [],
  ) {
    this.#options = options;
    const inherited = [...more];
    try {
      const { hubFds, monitorFd } = listen(options.hub, options.monitor ?? null);
      inherited.push(...hubFds);
      if (monitorFd !== null) inherited.push(monitorFd);
      const memoryFd = createMemfd("ukdeno-ram", MEMORY_BYTES);
      const romFd = createHaltRom();
      const [qtest, qtestOfQemu] = socketPair();
      const [qmp, qmpOfQemu] = socketPair();
      inherited.push(memoryFd, romFd, qtestOfQemu.fd, qmpOfQemu.fd);
      this.#memory = new MappedRegion(memoryFd, MEMORY_BYTES);
      this.dma = new DmaArena(this.#memory, DMA_START);
      this.#socket = qtest;
      this.#qmpSocket = qmp;
      this.qtest = new QtestClient(qtest);
      this.irqs = new IrqLines(this.qtest, qtest.fd, waiter);
      try {
        inherited.forEach(letInherit);
        this.#process = new QemuProcess(commandLine({
          memoryFd,
          memoryBytes: MEMORY_BYTES,
          romFd,
          qtestFd: qtestOfQemu.fd,
          qmpFd: qmpOfQemu.fd,
          monitorFd,
          netdev: options.netdev,
          hubFds,
        }));
      } catch (error) {
        this.#release();
        throw error;
      }
    } finally {
      // What QEMU has inherited is its own now.
      for (const fd of inherited) libc.close(fd);
    }
  }

  /**
   * Waits until QEMU answers, has `setUp` prepare its devices, and sets it going. `QemuError` with one
   * line when that can't be; it is to be closed then.
   */
  async start(setUp: () => void): Promise<void> {
    try {
      setUp();
      this.irqs.start();
      if (this.#options.hub !== null) await hubListens(this.#options.hub);
      this.#letFramesPass();
    } catch (error) {
      // A broken connection is only the symptom: QEMU itself has said why it ended.
      const gone = error instanceof ErrnoError || error instanceof QemuError;
      const reason = gone ? await this.#reasonIfEnded() : null;
      throw reason === null ? error : new QemuError(reason, { cause: error });
    }
    void this.#process.ended.then((reason) => {
      if (!this.#closing) this.#options.onGone(reason);
    });
  }

  /** The process id of QEMU. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether QEMU was found to have gone, of which `onGone` tells. */
  get gone(): boolean {
    return this.qtest.closed;
  }

  /** Ends QEMU and gives everything back. The memory can't be used afterwards. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#process.kill();
    this.#release();
  }

  #release(): void {
    this.irqs[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
    this.#qmpSocket[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }

  /** Sets the stopped machine going: its network was held up as long as the hub did not listen. */
  #letFramesPass(): void {
    const qmp = new QmpClient(this.#qmpSocket);
    qmp.execute("qmp_capabilities");
    qmp.execute("cont");
  }

  /** Why QEMU has ended, or null when it runs on. */
  async #reasonIfEnded(): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), 1000);
    const reason = await Promise.race([this.#process.ended, promise]);
    clearTimeout(timer);
    return reason;
  }
}
