import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { Bar, ConfigSpace } from "./base_address.ts";
import type { Capability } from "./capabilities.ts";
import type { AccessWidth, PciAddress } from "./pci_address.ts";
import type { RegisterWindow } from "./register_window.ts";

/** A line on which a device asks for attention: an MSI-X vector or an INTx pin. */
export interface IrqLine {
  /** Calls `handler` on the event loop for each interrupt, in place of the handler before. */
  connect(handler: () => void): void;
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
  /** The registers behind a memory BAR; `PciError` when there is no such BAR. */
  mapBar(index: number): RegisterWindow;
}

/**
 * How a PCI bus is reached: through a QEMU process driven from outside, or through Linux's vfio.
 * What a driver needs of a bus comes through here, so that it can't tell which it is.
 */
export interface PciHost {
  /** Memory that the devices of this host reach. */
  readonly dma: DmaArena;
  /** Reads configuration space; all ones where there is no function, or none any more. */
  configRead(address: PciAddress, offset: number, width: AccessWidth): number;
  /** Writes to configuration space; what is written to a function that's gone is lost. */
  configWrite(address: PciAddress, offset: number, width: AccessWidth, value: number): void;
  /** Makes the registers behind a memory BAR reachable. */
  mapBar(device: PciFunction, bar: Bar): RegisterWindow;
  /** A free address for a memory BAR of `byteLength` bytes, a multiple of its length. */
  placeBar(byteLength: number): number;
  /** Takes an address back that {@link placeBar} gave, for another BAR. */
  releaseBar(address: number): void;
  /** Routes the first `count` MSI-X vectors of the device to lines, and turns MSI-X on. */
  enableMsix(device: PciFunction, count: number): IrqLine[];
  /** Turns MSI-X off, and takes the device's lines back for others. */
  disableMsix(device: PciFunction, lines: readonly IrqLine[]): void;
  /** A doorbell that stores the 16-bit `value` at `offset` of the BAR. */
  doorbell(bar: Bar, offset: number, value: number): Doorbell;
  /** Takes a doorbell back for others. */
  releaseDoorbell(doorbell: Doorbell): void;
}
