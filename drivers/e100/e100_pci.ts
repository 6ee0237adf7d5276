import type { Clock } from "../../netdev/clock.ts";
import { closeNetdev } from "../../netdev/close_netdev.ts";
import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import type { PciDriver } from "../pci/pci_bus.ts";
import type { PciDevice } from "../pci/pci_device.ts";
import type { IrqLine } from "../pci/pci_host.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import type { E100Bus } from "./e100_bus.ts";
import type { E100Events } from "./e100_card.ts";
import { E100Error } from "./e100_error.ts";
import { E100_IDS, type E100Data } from "./e100_ids.ts";
import { E100Netdev } from "./e100_netdev.ts";
import { CSR_BYTES } from "./registers.ts";

const DRIVER_NAME = "e100";

/** The same registers, behind memory addresses and behind I/O ports (8255x manual §4.1.8). */
const CSR_MEMORY_BAR = 0;
const CSR_IO_BAR = 1;

/** What a driver may be told of its devices. */
export interface E100Options extends E100Events {
  readonly clock: Clock;
  /** Largest packet to send; default 1500. */
  readonly mtu?: number;
  /** Called with each device that is taken up. */
  readonly onDevice?: (driver: E100Netdev, netdev: Netdev) => void;
}

/** The driver of the 8255x on the PCI bus. Each device that it takes up is registered as a netdev. */
export function e100Driver(registry: NetdevRegistry, options: E100Options): PciDriver<E100Data> {
  const netdevs = new Map<PciDevice, Netdev>();
  return {
    name: DRIVER_NAME,
    ids: E100_IDS,
    probe: (device, id) => {
      try {
        const bus = new E100Pci(device, id.driverData.ich);
        const driver = new E100Netdev(bus, options.clock, options, options.mtu);
        const netdev = registry.drvRegister(driver.device);
        netdevs.set(device, netdev);
        options.onDevice?.(driver, netdev);
      } catch (error) {
        device.release();
        throw error;
      }
    },
    remove: (device) => {
      const netdev = netdevs.get(device);
      if (netdev === undefined) return;
      netdevs.delete(device);
      closeNetdev(netdev, registry);
    },
  };
}

/** An 8255x on a PCI bus. */
export class E100Pci implements E100Bus {
  readonly name: string;
  readonly revision: number;
  readonly ich: number;
  readonly csr: RegisterWindow;
  readonly dma: DmaArena;
  readonly #device: PciDevice;
  #line: IrqLine | null = null;

  /**
   * Claims and enables the function. `PciError` when somebody else has it, `E100Error` when its
   * registers aren't there.
   */
  constructor(device: PciDevice, ich: number) {
    this.name = `pci ${device.name}`;
    this.revision = device.revision;
    this.ich = ich;
    this.dma = device.host.dma;
    this.#device = device;
    device.requestRegions(DRIVER_NAME);
    device.enable();
    const index = device.hasBar(CSR_MEMORY_BAR) ? CSR_MEMORY_BAR : CSR_IO_BAR;
    this.csr = device.mapBar(index);
    if (this.csr.byteLength < CSR_BYTES) {
      throw new E100Error(
        `${this.name}: BAR ${index} has ${this.csr.byteLength} bytes, ${CSR_BYTES} are needed`,
      );
    }
  }

  master(on: boolean): void {
    if (on) this.#device.setMaster();
    else this.#device.clearMaster();
  }

  interruptConnect(handler: () => boolean): void {
    this.#line ??= this.#device.host.enableIntx(this.#device);
    this.#line.connect(handler);
  }

  interruptDisconnect(): void {
    this.#line?.disconnect();
  }

  present(): boolean {
    return this.#device.present;
  }

  release(): void {
    if (this.#line !== null) this.#device.host.disableIntx(this.#device, this.#line);
    this.#line = null;
    this.#device.release();
  }
}
