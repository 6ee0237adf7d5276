import type { DmaArena } from "../../../netdev/dma_arena.ts";
import { RangeAllocator } from "../../../netdev/range_allocator.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { socketPair, type UnixSocket } from "../../ffi/unix_socket.ts";
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
import type { IrqLines } from "./irq_lines.ts";
import {
  IVSHMEM_DEVICE_ID,
  IVSHMEM_VECTORS,
  IVSHMEM_VENDOR_ID,
  IvshmemBridge,
} from "./ivshmem_bridge.ts";
import { pirqInput, routePirqs } from "./piix_pirq.ts";
import { QemuBox, type QemuBoxOptions } from "./qemu_box.ts";
import {
  type BoxArguments,
  qemuCommandLine,
  type QemuMachine,
  type QemuNic,
} from "./qemu_command_line.ts";
import { QemuError } from "./qemu_error.ts";
import type { QtestClient } from "./qtest_client.ts";
import { QtestPortWindow, QtestWindow } from "./qtest_window.ts";

/** Where BARs go: above memory, below the chipset's own registers. */
const BAR_START = 0xe000_0000;
const BAR_END = 0xfe00_0000;
const PAGE = 4096;

/** Where I/O BARs go: ports that no device of the machine has by itself. */
const PORT_START = 0xc000;
const PORT_END = 0xd000;

/**
 * What to start. By the monitor an operator's `device_del` of `nic` pulls the NIC; its place on the
 * network is `nic-port`, which `device_add` takes as the `netdev` of the next one.
 */
export interface QemuHostOptions extends QemuBoxOptions {
  readonly nic: QemuNic;
}

/**
 * A PCI bus that is a QEMU process of our own: its CPU halted, its memory a file that we map, its
 * registers reached by the qtest protocol, interrupts and doorbells by eventfds.
 */
export class QemuHost implements PciHost {
  readonly dma: DmaArena;
  readonly regions = new RegionClaims();
  readonly #box: QemuBox;
  readonly #qtest: QtestClient;
  readonly #config: ConfigMechanism;
  readonly #irqs: IrqLines;
  readonly #hotplug: AcpiHotplug;
  readonly #ivshmemSocket: UnixSocket;
  readonly #bridge: IvshmemBridge;
  readonly #free: Readonly<Record<BarSpace, RangeAllocator>> = {
    memory: new RangeAllocator(BAR_START, BAR_END),
    io: new RangeAllocator(PORT_START, PORT_END),
  };

  private constructor(options: QemuHostOptions, waiter: FdWaiter) {
    const [ivshmem, ivshmemOfQemu] = socketPair();
    this.#ivshmemSocket = ivshmem;
    // Before QEMU is started, which may end at once: then it has closed the socket.
    const vectors = ivshmemVectors(options.nic.queues ?? 1);
    this.#bridge = new IvshmemBridge(ivshmem, waiter, () => this.#qtest.flush(), vectors);
    const machine = (shared: BoxArguments): QemuMachine => ({
      ...shared,
      ivshmemFd: ivshmemOfQemu.fd,
      ivshmemVectors: vectors,
      nic: options.nic,
    });
    try {
      this.#box = new QemuBox(
        options,
        waiter,
        (shared) => qemuCommandLine(machine(shared)),
        [ivshmemOfQemu.fd],
      );
    } catch (error) {
      this.#releaseBridge();
      throw error;
    }
    const { qtest, irqs } = this.#box;
    this.dma = this.#box.dma;
    this.#qtest = qtest;
    this.#config = new ConfigMechanism(qtest);
    this.#irqs = irqs;
    this.#hotplug = new AcpiHotplug(qtest, irqs.line(SCI_INPUT));
  }

  /** Starts QEMU and waits until it answers. `QemuError` with one line when it can't. */
  static async start(options: QemuHostOptions, waiter: FdWaiter): Promise<QemuHost> {
    const host = new QemuHost(options, waiter);
    try {
      await host.#box.start(() => {
        host.#attachBridge();
        routePirqs(host);
      });
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  /** The process id of QEMU. */
  get pid(): number {
    return this.#box.pid;
  }

  /** Times an INTx line was raised that no driver answered for; it's left alone until it was low. */
  get unclaimedInterrupts(): number {
    return this.#irqs.unclaimed;
  }

  /** Whether QEMU was found to have gone, of which `onGone` tells. */
  get gone(): boolean {
    return this.#box.gone;
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

  /** By an eventfd, if there's one left and the register is memory: a message of MSI-X is a store. */
  doorbell(bar: Bar, offset: number, value: number): Doorbell {
    const address = bar.address + offset;
    const qtest = this.#qtest;
    if (bar.space === "io") return { ring: () => qtest.postOut(address, 2, value) };
    if (this.#bridge.hasDoorbell) return this.#bridge.doorbell(address, value);
    return { ring: () => qtest.postWrite(address, 2, value) };
  }

  releaseDoorbell(doorbell: Doorbell): void {
    this.#bridge.releaseDoorbell(doorbell);
  }

  watchSlots(watcher: SlotWatcher): void {
    this.#hotplug.watch(watcher);
  }

  /** Ends QEMU and gives everything back. The memory can't be used afterwards. */
  async close(): Promise<void> {
    await this.#box.close();
    this.#releaseBridge();
  }

  #releaseBridge(): void {
    this.#bridge[Symbol.dispose]();
    this.#ivshmemSocket[Symbol.dispose]();
  }

  #attachBridge(): void {
    const bridge = new PciBus(this).scan().find(({ vendorId, deviceId }) =>
      vendorId === IVSHMEM_VENDOR_ID && deviceId === IVSHMEM_DEVICE_ID
    );
    if (bridge === undefined) throw new QemuError("QEMU shows no ivshmem device");
    this.#bridge.attach(bridge);
  }
}

/**
 * Lines and doorbells for so many pairs of queues: a line for each queue and one for the configuration,
 * a doorbell for each queue and one for the control queue.
 */
function ivshmemVectors(queuePairs: number): number {
  return Math.max(IVSHMEM_VECTORS, 2 * queuePairs + 2);
}
