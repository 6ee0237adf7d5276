import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { IrqLine } from "./pci_host.ts";
import type { RegisterWindow } from "./register_window.ts";

/** A device that is on no bus: registers at an address that the machine has, and a wire of its own. */
export interface PlatformDevice {
  /** Where its registers are: `mmio 0xfeb00000`. */
  readonly name: string;
  readonly registers: RegisterWindow;
  /**
   * The interrupt that it's wired to; its handler says whether the device had interrupted. Null where
   * nobody hands that to a driver, which has to poll then.
   */
  readonly line: IrqLine | null;
  /** Memory that it reaches. */
  readonly dma: DmaArena;
}
