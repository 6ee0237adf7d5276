import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { Bar, BarSpace, ConfigSpace } from "./base_address.ts";
import type { Capability } from "./capabilities.ts";
import type { AccessWidth, PciAddress } from "./pci_address.ts";
import type { RegionClaims } from "./region_claims.ts";
import type { RegisterWindow } from "./register_window.ts";

/** What is called for an interrupt: whether it was its own device's, for a line that is shared. */
export type IrqHandler = () => boolean | void;

/** A line on which a device asks for attention: an MSI-X vector or an INTx pin. */
export interface IrqLine {
  /**
   * Calls `handler` on the event loop for each interrupt, in place of the handler before; never in
   * the middle of a register access. On an INTx line, which others may share, it says whether its
   * device had interrupted; MSI-X ignores what it returns.
   */
  connect(handler: IrqHandler): void;
  /** Drops what comes from now on. */
  disconnect(): void;
}

/** A notification register with the value to write into it, reduced to the one thing done with it. */
export interface Doorbell {
  /** Writes the value to the register. Allocates nothing. */
  ring(): void;
}

/** One function on the bus, as its host sees it. */
export interface PciFunction {
  readonly address: PciAddress;
  /** `00:02.0`. */
  readonly name: string;
  readonly config: ConfigSpace;
  readonly capabilities: readonly Capability[];
  /** The registers behind a BAR; `PciError` when there is no such BAR. */
  mapBar(index: number): RegisterWindow;
}

/**
 * Who is told what happens to the slots of a bus in use. Both are called on the event loop, from the
 * waiter, never in the middle of a register access or a round of polls.
 */
export interface SlotWatcher {
  /** A slot was filled, or is empty all at once: time for `PciBus.rescan`. */
  slotsChanged(): void;
  /**
   * A slot is to be pulled: time for `PciBus.removeSlot`. The slot is let go of as soon as this
   * returns or throws.
   */
  ejectRequested(slot: number): void;
}

/**
 * How a PCI bus is reached: through a QEMU process driven from outside, or through Linux's vfio.
 * What a driver needs of a bus comes through here, so that it can't tell which it is.
 */
export interface PciHost {
  /** Memory that the devices of this host reach. */
  readonly dma: DmaArena;
  /** Whether that is so by an IOMMU: a card that goes around it writes to memory that's another's. */
  readonly behindIommu?: boolean;
  /** Who has the BARs of which function. */
  readonly regions: RegionClaims;
  /**
   * The functions there are at the moment, from a host that knows; of any other, bus 0 is searched. What
   * it throws says why one that is there can't be had.
   */
  functions?(): readonly PciAddress[] | undefined;
  /** Reads configuration space; all ones where there is no function, or none any more. */
  configRead(address: PciAddress, offset: number, width: AccessWidth): number;
  /** Writes to configuration space; what is written to a function that's gone is lost. */
  configWrite(address: PciAddress, offset: number, width: AccessWidth, value: number): void;
  /** Makes the registers behind a BAR reachable. */
  mapBar(device: PciFunction, bar: Bar): RegisterWindow;
  /** A free address for a BAR of `byteLength` bytes or ports, a multiple of its length. */
  placeBar(byteLength: number, space: BarSpace): number;
  /** Takes the address of a BAR back that {@link placeBar} gave, for another one. */
  releaseBar(bar: Bar): void;
  /** Routes the first `count` MSI-X vectors of the device to lines, and turns MSI-X on. */
  enableMsix(device: PciFunction, count: number): IrqLine[];
  /** Turns MSI-X off, and takes the device's lines back for others. */
  disableMsix(device: PciFunction, lines: readonly IrqLine[]): void;
  /** Lets the device interrupt on its INTx pin, and gives the line that this is. */
  enableIntx(device: PciFunction): IrqLine;
  /** Stops the device from doing so, and drops what its line still brings. */
  disableIntx(device: PciFunction, line: IrqLine): void;
  /** A doorbell that stores the 16-bit `value` at `offset` of the BAR. */
  doorbell(bar: Bar, offset: number, value: number): Doorbell;
  /** Takes a doorbell back for others. */
  releaseDoorbell(doorbell: Doorbell): void;
  /** Tells `watcher` of slots that are filled or to be pulled, in place of the watcher before. */
  watchSlots(watcher: SlotWatcher): void;
}
