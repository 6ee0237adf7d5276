import type { DmaArena } from "../../../netdev/dma_arena.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { UeventSocket } from "../../ffi/uevent_socket.ts";
import type { Bar } from "../base_address.ts";
import { allowIntx } from "../intx.ts";
import {
  type AccessWidth,
  formatWholePciAddress,
  parsePciAddress,
  type PciAddress,
} from "../pci_address.ts";
import type { Doorbell, IrqLine, PciFunction, PciHost, SlotWatcher } from "../pci_host.ts";
import { RegionClaims } from "../region_claims.ts";
import { checkAccess, type RegisterWindow } from "../register_window.ts";
import { PCI_COMMAND, PCI_COMMAND_MEMORY } from "../registers.ts";
import { chooseCard, isNetworkCard, isWanted, type WantedIds } from "./choose_card.ts";
import { chooseIova } from "./iova_ranges.ts";
import { PciSysfs } from "./pci_sysfs.ts";
import { VfioBinder } from "./vfio_binding.ts";
import { VfioCard } from "./vfio_card.ts";
import { VfioError } from "./vfio_error.ts";
import { VfioArena, VfioMemory } from "./vfio_memory.ts";

/** Addresses that there are for the card's memory: of the memory, no more is taken than is handed out. */
const MEMORY_BYTES = 64 * 2 ** 20;
const HUGE_PAGE = 2 * 2 ** 20;

/** Which card. */
export interface VfioHostOptions {
  /** Where it sits; null for the first that is wanted. */
  readonly address: PciAddress | null;
  /** Cards that there are drivers for. */
  readonly wanted: WantedIds;
  readonly sysfs?: PciSysfs;
}

/**
 * A network card of this machine, by way of Linux's vfio: its registers are mapped, so that a doorbell
 * is a store; its memory is this process's, by way of the IOMMU; its interrupts are eventfds. When the
 * kernel wants it back it's given back, and taken again when it comes back.
 */
export class VfioHost implements PciHost, Disposable {
  readonly dma: DmaArena;
  readonly behindIommu = true;
  readonly regions = new RegionClaims();
  readonly #address: PciAddress | null;
  readonly #wanted: WantedIds;
  readonly #sysfs: PciSysfs;
  readonly #binder: VfioBinder;
  readonly #waiter: FdWaiter;
  readonly #memory: VfioMemory;
  #card: VfioCard | null;
  /** Where one has come since it has gone. */
  #arrival: PciAddress | null = null;
  /** The one before, until the kernel has taken it. */
  #handedBack: VfioCard | null = null;
  #watcher: SlotWatcher | null = null;
  #news: UeventSocket | null = null;

  /** Takes the card. `VfioError` when it can't be had. */
  constructor(options: VfioHostOptions, waiter: FdWaiter) {
    const { address, wanted, sysfs = new PciSysfs() } = options;
    this.#address = address;
    this.#wanted = wanted;
    this.#sysfs = sysfs;
    this.#binder = new VfioBinder(sysfs);
    this.#waiter = waiter;
    using held = new DisposableStack();
    const card = held.use(this.#take(address));
    const iova = chooseIova(card.container.iovaRanges(), MEMORY_BYTES, HUGE_PAGE);
    this.#memory = held.use(new VfioMemory(MEMORY_BYTES, iova));
    this.#memory.attach(card.container);
    this.dma = new VfioArena(this.#memory);
    this.#card = card;
    held.move();
  }

  /** The one card, if it's there. When it has come back it's taken here; `VfioError` when it can't be. */
  functions(): readonly PciAddress[] {
    if (this.#card === null) this.#takeAgain();
    return this.#card === null ? [] : [this.#card.address];
  }

  configRead(address: PciAddress, offset: number, width: AccessWidth): number {
    const config = this.#at(address)?.device.config;
    if (config === undefined) return 2 ** (8 * width) - 1;
    if (width === 1) return config.read8(offset);
    return width === 2 ? config.read16(offset) : config.read32(offset);
  }

  configWrite(address: PciAddress, offset: number, width: AccessWidth, value: number): void {
    const device = this.#at(address)?.device;
    if (device === undefined) return;
    if (offset === PCI_COMMAND && (value & PCI_COMMAND_MEMORY) === 0) device.closeBars();
    const { config } = device;
    if (width === 1) config.write8(offset, value);
    else if (width === 2) config.write16(offset, value);
    else config.write32(offset, value);
  }

  mapBar(device: PciFunction, { index }: Bar): RegisterWindow {
    return this.#cardOf(device).device.bar(index);
  }

  /**
   * The kernel has placed them: what a driver writes into a BAR is kept for it to be read back, and no
   * more.
   */
  placeBar(): number {
    return 0;
  }

  releaseBar(): void {}

  enableMsix(device: PciFunction, count: number): IrqLine[] {
    return [...this.#cardOf(device).enableMsix(count)];
  }

  disableMsix(device: PciFunction): void {
    this.#at(device.address)?.disableInterrupts();
  }

  enableIntx(device: PciFunction): IrqLine {
    const line = this.#cardOf(device).enableIntx();
    allowIntx(device, true);
    return line;
  }

  disableIntx(device: PciFunction): void {
    allowIntx(device, false);
    this.#at(device.address)?.disableInterrupts();
  }

  /** A store, where the register is mapped: lost, once the card is gone. */
  doorbell({ index }: Bar, offset: number, value: number): Doorbell {
    const device = this.#card?.device;
    if (device === undefined) throw new VfioError("the card is gone");
    const mapping = device.mappedBar(index);
    if (mapping === null) {
      const window = device.bar(index);
      return { ring: () => window.write16(offset, value) };
    }
    checkAccess(offset, 2, mapping.byteLength);
    const words = mapping.u16;
    const word = offset / 2;
    return {
      ring: () => {
        words[word] = value;
      },
    };
  }

  releaseDoorbell(): void {}

  watchSlots(watcher: SlotWatcher): void {
    this.#watcher = watcher;
    if (this.#news !== null) return;
    const news = this.#news = new UeventSocket();
    this.#waiter.add(news.fd, () => this.#hear(news));
  }

  /** Gives the card back as it was, and the memory. Its driver has let go of it before. */
  [Symbol.dispose](): void {
    const [news, card] = [this.#news, this.#card];
    this.#news = null;
    this.#card = null;
    if (news !== null) {
      this.#waiter.remove(news.fd);
      news[Symbol.dispose]();
    }
    try {
      card?.[Symbol.dispose]();
    } finally {
      this.#memory[Symbol.dispose]();
    }
  }

  /** The card there, or the first that's wanted. */
  #take(place: PciAddress | null): VfioCard {
    const address = chooseCard(this.#sysfs, place, this.#wanted);
    const card = new VfioCard(address, this.#sysfs, this.#binder, this.#waiter);
    try {
      card.watchRequests(() => this.#handBack(card));
      card.watchErrors(() => this.#reopen(card));
      return card;
    } catch (error) {
      card[Symbol.dispose]();
      throw error;
    }
  }

  /** Nothing when none has come. */
  #takeAgain(): void {
    const arrival = this.#arrival;
    this.#arrival = null;
    if (arrival === null || !this.#sysfs.exists(formatWholePciAddress(arrival))) return;
    const card = this.#take(arrival);
    try {
      this.#memory.attach(card.container);
      this.#card = card;
    } catch (error) {
      card[Symbol.dispose]();
      throw error;
    }
  }

  /** The kernel waits until it has the card. */
  #handBack(card: VfioCard): void {
    this.#handedBack = card;
    this.#part(card, () => card.handBack());
  }

  /** The kernel has reset it, and what its driver had told it is gone: it's as if another had come. */
  #reopen(card: VfioCard): void {
    this.#part(card, () => card[Symbol.dispose]());
    this.#arrived(card.name);
  }

  /** Whoever drives it lets go of it first. */
  #part(card: VfioCard, close: () => void): void {
    try {
      this.#watcher?.ejectRequested(card.address.device);
    } finally {
      this.#card = null;
      this.#memory.detach();
      close();
    }
  }

  /** What the kernel tells of devices: one may be the card that has come back. */
  #hear(news: UeventSocket): void {
    for (let event = news.read(); event !== null; event = news.read()) {
      const { action, subsystem, name } = event;
      if (subsystem !== "pci") continue;
      if (action === "unbind" && name === this.#handedBack?.name) {
        this.#handedBack.forget();
        this.#handedBack = null;
      }
      if (this.#card !== null || !this.#isOurs(name)) continue;
      // The kernel tells of a function first, and offers it to drivers then; of which it tells, too.
      if (action === "add" && isWanted(this.#sysfs, name, this.#wanted)) this.#binder.expect(name);
      else if (action === "add" || action === "bind") this.#arrived(name);
    }
  }

  #arrived(name: string): void {
    this.#arrival = parsePciAddress(name);
    this.#watcher?.slotsChanged();
  }

  #isOurs(name: string): boolean {
    return this.#address === null
      ? isNetworkCard(this.#sysfs, name)
      : name === formatWholePciAddress(this.#address);
  }

  #at(address: PciAddress): VfioCard | null {
    const card = this.#card;
    if (card === null) return null;
    return formatWholePciAddress(card.address) === formatWholePciAddress(address) ? card : null;
  }

  #cardOf({ name, address }: PciFunction): VfioCard {
    const card = this.#at(address);
    if (card === null) throw new VfioError(`${name} is gone`);
    return card;
  }
}
