import { DmaArena } from "../../../netdev/dma_arena.ts";
import { RangeAllocator } from "../../../netdev/range_allocator.ts";
import { ErrnoError } from "../../ffi/errno.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { letInherit } from "../../ffi/inheritance.ts";
import { libc } from "../../ffi/libc.ts";
import { createMemfd, MappedRegion } from "../../ffi/mapped_region.ts";
import { socketPair, type UnixSocket } from "../../ffi/unix_socket.ts";
import { hubListens } from "../../hub/hub_port.ts";
import type { Bar, BarSpace } from "../base_address.ts";
import { allowIntx } from "../intx.ts";
import { disableMsix, MsixTable } from "../msix_table.ts";
import type { AccessWidth, PciAddress } from "../pci_address.ts";
import { PciBus } from "../pci_bus.ts";
import type { Doorbell, IrqLine, PciFunction, PciHost, SlotWatcher } from "../pci_host.ts";
import { RegionClaims } from "../region_claims.ts";
import type { RegisterWindow } from "../register_window.ts";
import { AcpiHotplug, SCI_INPUT } from "./acpi_hotplug.ts";
import { ConfigMechanism } from "./config_mechanism.ts";
import { createHaltRom } from "./halt_rom.ts";
import { IrqLines } from "./irq_lines.ts";
import {
  IVSHMEM_DEVICE_ID,
  IVSHMEM_VECTORS,
  IVSHMEM_VENDOR_ID,
  IvshmemBridge,
} from "./ivshmem_bridge.ts";
import { listen } from "./listening_sockets.ts";
import { pirqInput, routePirqs } from "./piix_pirq.ts";
import { qemuCommandLine, type QemuNic } from "./qemu_command_line.ts";
import { QemuError } from "./qemu_error.ts";
import { QemuProcess } from "./qemu_process.ts";
import { QmpClient } from "./qmp_client.ts";
import { QtestClient } from "./qtest_client.ts";
import { QtestPortWindow, QtestWindow } from "./qtest_window.ts";

const MEMORY_BYTES = 64 * 2 ** 20;

/** Part of 0xa0000–0xfffff isn't memory, and what a device writes there is lost. */
const DMA_START = 2 ** 20;

/** Where BARs go: above memory, below the chipset's own registers. */
const BAR_START = 0xe000_0000;
const BAR_END = 0xfe00_0000;
const PAGE = 4096;

/** Where I/O BARs go: ports that no device of the machine has by itself. */
const PORT_START = 0xc000;
const PORT_END = 0xd000;

/** What to start. */
export interface QemuHostOptions {
  readonly nic: QemuNic;
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** Name of the hub by which others join the network. */
  readonly hub: string;
  /**
   * Name of an abstract UNIX socket on which QEMU's machine protocol (QMP) listens for an operator,
   * one at a time; default none. `device_del` of `nic` pulls the NIC; its place on the network is
   * `nic-port`, which `device_add` takes as the `netdev` of the next one.
   */
  readonly monitor?: string | null;
  /** Called when QEMU ends before {@link QemuHost.close}, with one line that says why. */
  readonly onGone: (reason: string) => void;
}

/**
 * A PCI bus that is a QEMU process of our own: its CPU halted, its memory a file that we map, its
 * registers reached by the qtest protocol, interrupts and doorbells by eventfds.
 */
export class QemuHost implements PciHost {
  readonly dma: DmaArena;
  readonly regions = new RegionClaims();
  readonly #memory: MappedRegion;
  readonly #process: QemuProcess;
  readonly #socket: UnixSocket;
  readonly #qtest: QtestClient;
  readonly #config: ConfigMechanism;
  readonly #irqs: IrqLines;
  readonly #hotplug: AcpiHotplug;
  readonly #ivshmemSocket: UnixSocket;
  readonly #qmpSocket: UnixSocket;
  readonly #bridge: IvshmemBridge;
  readonly #waiter: FdWaiter;
  readonly #free: Readonly<Record<BarSpace, RangeAllocator>> = {
    memory: new RangeAllocator(BAR_START, BAR_END),
    io: new RangeAllocator(PORT_START, PORT_END),
  };
  #closing = false;

  private constructor(options: QemuHostOptions, waiter: FdWaiter) {
    this.#waiter = waiter;
    const { hubFds, monitorFd } = listen(options.hub, options.monitor ?? null);
    const memoryFd = createMemfd("ukdeno-ram", MEMORY_BYTES);
    const romFd = createHaltRom();
    const [qtest, qtestOfQemu] = socketPair();
    const [ivshmem, ivshmemOfQemu] = socketPair();
    const [qmp, qmpOfQemu] = socketPair();
    const ofQemu = [qtestOfQemu.fd, ivshmemOfQemu.fd, qmpOfQemu.fd];
    const inherited = [memoryFd, romFd, ...ofQemu, ...hubFds];
    if (monitorFd !== null) inherited.push(monitorFd);
    this.#memory = new MappedRegion(memoryFd, MEMORY_BYTES);
    this.dma = new DmaArena(this.#memory, DMA_START);
    this.#socket = qtest;
    this.#qtest = new QtestClient(qtest);
    this.#config = new ConfigMechanism(this.#qtest);
    this.#irqs = new IrqLines(this.#qtest, qtest.fd, waiter);
    this.#hotplug = new AcpiHotplug(this.#qtest, this.#irqs.line(SCI_INPUT));
    this.#ivshmemSocket = ivshmem;
    this.#qmpSocket = qmp;
    this.#bridge = new IvshmemBridge(ivshmem, waiter, () => this.#qtest.flush());
    try {
      inherited.forEach(letInherit);
      this.#process = new QemuProcess(qemuCommandLine({
        memoryFd,
        memoryBytes: MEMORY_BYTES,
        romFd,
        qtestFd: qtestOfQemu.fd,
        ivshmemFd: ivshmemOfQemu.fd,
        ivshmemVectors: IVSHMEM_VECTORS,
        qmpFd: qmpOfQemu.fd,
        monitorFd,
        nic: options.nic,
        netdev: options.netdev,
        hubFds,
      }));
    } catch (error) {
      this.#release();
      throw error;
    } finally {
      // What QEMU has inherited is its own now.
      inherited.forEach((fd) => libc.close(fd));
    }
  }

  /** Starts QEMU and waits until it answers. `QemuError` with one line when it can't. */
  static async start(options: QemuHostOptions, waiter: FdWaiter): Promise<QemuHost> {
    const host = new QemuHost(options, waiter);
    try {
      host.#attachBridge();
      routePirqs(host);
      host.#irqs.start();
      await hubListens(options.hub);
      host.#letFramesPass();
    } catch (error) {
      // A broken connection is only the symptom: QEMU itself has said why it ended.
      const gone = error instanceof ErrnoError || error instanceof QemuError;
      const reason = gone ? await host.#reasonIfEnded() : null;
      await host.close();
      throw reason === null ? error : new QemuError(reason, { cause: error });
    }
    void host.#process.ended.then((reason) => {
      if (!host.#closing) options.onGone(reason);
    });
    return host;
  }

  /** The process id of QEMU. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Times an INTx line was raised that no driver answered for; it's left alone until it was low. */
  get unclaimedInterrupts(): number {
    return this.#irqs.unclaimed;
  }

  /** Whether QEMU was found to have gone, of which `onGone` tells. */
  get gone(): boolean {
    return this.#qtest.closed;
  }

  configRead(address: PciAddress, offset: number, width: AccessWidth): number {
    return this.#config.read(address, offset, width);
  }

  configWrite(address: PciAddress, offset: number, width: AccessWidth, value: number): void {
    this.#config.write(address, offset, width, value);
  }

  mapBar(_device: PciFunction, bar: Bar): RegisterWindow {
    return bar.space === "io"
      ? new QtestPortWindow(this.#qtest, bar.address, bar.byteLength)
      : new QtestWindow(this.#qtest, bar.address, bar.byteLength);
  }

  placeBar(byteLength: number, space: BarSpace): number {
    const align = space === "memory" ? Math.max(byteLength, PAGE) : byteLength;
    const address = this.#free[space].alloc(byteLength, align);
    if (address === null) {
      const what = space === "memory" ? "bytes" : "I/O ports";
      throw new QemuError(`no room on the bus for a BAR of ${byteLength} ${what}`);
    }
    return address;
  }

  releaseBar({ space, address }: Bar): void {
    this.#free[space].free(address);
  }

  enableMsix(device: PciFunction, count: number): IrqLine[] {
    const table = new MsixTable(device);
    if (count > table.size) {
      throw new QemuError(`${device.name} has ${table.size} MSI-X vectors, ${count} are needed`);
    }
    const lines: IrqLine[] = [];
    try {
      for (let vector = 0; vector < count; vector++) {
        const { address, data, line } = this.#bridge.interrupt();
        lines.push(line);
        table.set(vector, address, data);
      }
      table.enable();
      return lines;
    } catch (error) {
      for (const line of lines) this.#bridge.releaseLine(line);
      throw error;
    }
  }

  disableMsix(device: PciFunction, lines: readonly IrqLine[]): void {
    for (const line of lines) this.#bridge.releaseLine(line);
    disableMsix(device);
  }

  enableIntx(device: PciFunction): IrqLine {
    const line = this.#irqs.line(pirqInput(device));
    allowIntx(device, true);
    return line;
  }

  disableIntx(device: PciFunction, line: IrqLine): void {
    allowIntx(device, false);
    line.disconnect();
  }

  doorbell(bar: Bar, offset: number, value: number): Doorbell {
    return this.#bridge.doorbell(bar.address + offset, value);
  }

  releaseDoorbell(doorbell: Doorbell): void {
    this.#bridge.releaseDoorbell(doorbell);
  }

  watchSlots(watcher: SlotWatcher): void {
    this.#hotplug.watch(watcher);
  }

  /** Ends QEMU and gives everything back. The memory can't be used afterwards. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#process.kill();
    this.#release();
  }

  #release(): void {
    this.#bridge[Symbol.dispose]();
    this.#irqs[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
    this.#ivshmemSocket[Symbol.dispose]();
    this.#qmpSocket[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }

  /** Sets the stopped machine going: its network was held up as long as the hub did not listen. */
  #letFramesPass(): void {
    const qmp = new QmpClient(this.#qmpSocket);
    qmp.execute("qmp_capabilities");
    qmp.execute("cont");
  }

  #attachBridge(): void {
    const bridge = new PciBus(this).scan().find(({ vendorId, deviceId }) =>
      vendorId === IVSHMEM_VENDOR_ID && deviceId === IVSHMEM_DEVICE_ID
    );
    if (bridge === undefined) throw new QemuError("QEMU shows no ivshmem device");
    this.#bridge.attach(bridge);
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
