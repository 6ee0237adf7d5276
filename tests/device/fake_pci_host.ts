import { DmaArena } from "../../netdev/dma_arena.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { Bar, BarSpace } from "../../drivers/pci/base_address.ts";
import { allowIntx } from "../../drivers/pci/intx.ts";
import { PciError } from "../../drivers/pci/pci_error.ts";
import type { AccessWidth, PciAddress } from "../../drivers/pci/pci_address.ts";
import type {
  Doorbell,
  IrqHandler,
  IrqLine,
  PciFunction,
  PciHost,
  SlotWatcher,
} from "../../drivers/pci/pci_host.ts";
import { RegionClaims } from "../../drivers/pci/region_claims.ts";
import type { RegisterWindow } from "../../drivers/pci/register_window.ts";
import type { FakePciFunction } from "./fake_pci_function.ts";
import { IovaRegion } from "./iova_region.ts";

/** An interrupt line that the test pulls. */
export class FakeIrqLine implements IrqLine {
  #handler: IrqHandler | null = null;

  /** Whether someone listens. */
  get connected(): boolean {
    return this.#handler !== null;
  }

  connect(handler: IrqHandler): void {
    this.#handler = handler;
  }

  disconnect(): void {
    this.#handler = null;
  }

  /** Interrupts; whether the handler says that it was for its device. */
  fire(): boolean {
    return this.#handler?.() === true;
  }
}

/** Bus 0 with the functions that a test plugs in. */
export class FakePciHost implements PciHost {
  readonly dma: DmaArena;
  readonly regions = new RegionClaims();
  /** INTx lines that are enabled, by name of the function. */
  readonly intx = new Map<string, FakeIrqLine>();
  /** Who is told of slots: a test calls it as the bus would. */
  watcher: SlotWatcher | null = null;
  /** MSI-X vectors that were asked for, in order. */
  readonly lines: FakeIrqLine[] = [];
  /** Doorbells that rang: the address that was written to, and the value. */
  readonly rings: { readonly address: number; readonly value: number }[] = [];
  /** Called for each of them. */
  onRing: (address: number, value: number) => void = () => {};
  /** Addresses and ports of BARs that are in use. */
  readonly bars = new Set<number>();
  /** Doorbells that are in use. */
  readonly doorbells = new Set<Doorbell>();
  /** MSI-X vectors that a function has, or that the bus has left. */
  msixVectors = Infinity;
  /** Whether the memory is reached by way of an IOMMU. */
  behindIommu = false;
  /** Functions that the host names by itself; undefined for one that doesn't. */
  known: readonly PciAddress[] | undefined;
  /** Whether functions have pins. */
  hasPins = true;
  readonly #functions = new Map<string, FakePciFunction>();
  #nextBar: number;
  #nextPort = 0xc000;

  /** BARs go to `barStart` and above, I/O BARs to 0xc000 and above. */
  constructor(barStart = 0xe000_0000, region: DmaRegion = new IovaRegion(1 << 20)) {
    this.#nextBar = barStart;
    this.dma = new DmaArena(region, 4096);
  }

  /** Plugs a function in. */
  plug(device: number, number: number, plugged: FakePciFunction): void {
    this.#functions.set(`${device}.${number}`, plugged);
  }

  /** Takes a function out, as one that was pulled. */
  unplug(device: number, number: number): void {
    this.#functions.delete(`${device}.${number}`);
  }

  functions(): readonly PciAddress[] | undefined {
    return this.known;
  }

  configRead(address: PciAddress, offset: number, width: AccessWidth): number {
    const found = this.#functions.get(`${address.device}.${address.function}`);
    // §6.1: nobody answers, and the bus reads as all ones.
    if (found === undefined || address.bus !== 0) return 2 ** (8 * width) - 1;
    if (offset % width !== 0 || offset + width > 256) throw new Error(`config read at ${offset}`);
    return found.space.read(offset, width);
  }

  configWrite(address: PciAddress, offset: number, width: AccessWidth, value: number): void {
    if (offset % width !== 0 || offset + width > 256) throw new Error(`config write at ${offset}`);
    this.#functions.get(`${address.device}.${address.function}`)?.write(offset, width, value);
  }

  mapBar(device: PciFunction, bar: Bar): RegisterWindow {
    const found = this.#function(device.address);
    const window = found.windows.get(bar.index);
    const decodes = bar.space === "io" ? found.decodesPorts : found.decodes;
    if (window === undefined || found.barAddress(bar.index) !== bar.address || !decodes) {
      throw new Error(`nothing answers at ${bar.address}`);
    }
    return window;
  }

  placeBar(byteLength: number, space: BarSpace): number {
    const next = space === "io" ? this.#nextPort : this.#nextBar;
    const address = Math.ceil(next / byteLength) * byteLength;
    if (space === "io") this.#nextPort = address + byteLength;
    else this.#nextBar = address + byteLength;
    this.bars.add(address);
    return address;
  }

  releaseBar({ address }: Bar): void {
    if (!this.bars.delete(address)) throw new Error(`no BAR is at ${address}`);
  }

  enableMsix(device: PciFunction, count: number): IrqLine[] {
    if (count > this.msixVectors) throw new PciError(`${device.name} has no ${count} vectors`);
    const lines = Array.from({ length: count }, () => new FakeIrqLine());
    this.lines.push(...lines);
    return lines;
  }

  disableMsix(_device: PciFunction, lines: readonly IrqLine[]): void {
    for (const line of lines) {
      line.disconnect();
      const index = this.lines.findIndex((taken) => taken === line);
      if (index < 0) throw new Error("a line was given back twice");
      this.lines.splice(index, 1);
    }
  }

  enableIntx(device: PciFunction): IrqLine {
    if (!this.hasPins) throw new PciError(`${device.name} has no interrupt pin`);
    if (this.intx.has(device.name)) throw new Error(`${device.name} has its line already`);
    const line = new FakeIrqLine();
    this.intx.set(device.name, line);
    allowIntx(device, true);
    return line;
  }

  disableIntx(device: PciFunction, line: IrqLine): void {
    if (this.intx.get(device.name) !== line) throw new Error("a line of another function");
    line.disconnect();
    allowIntx(device, false);
    this.intx.delete(device.name);
  }

  releaseDoorbell(doorbell: Doorbell): void {
    if (!this.doorbells.delete(doorbell)) throw new Error("a doorbell was given back twice");
  }

  doorbell(bar: Bar, offset: number, value: number): Doorbell {
    const address = bar.address + offset;
    const doorbell: Doorbell = {
      ring: () => {
        this.rings.push({ address, value });
        this.onRing(address, value);
      },
    };
    this.doorbells.add(doorbell);
    return doorbell;
  }

  watchSlots(watcher: SlotWatcher): void {
    this.watcher = watcher;
  }

  #function({ device, function: number }: PciAddress): FakePciFunction {
    const found = this.#functions.get(`${device}.${number}`);
    if (found === undefined) throw new Error(`nothing is plugged in at ${device}.${number}`);
    return found;
  }
}
