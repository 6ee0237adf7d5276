import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { RegisterWindow } from "../pci/register_window.ts";

/** How one controller is reached: what the driver needs of its bus, and no more. */
export interface E100Bus {
  /** Where the controller sits: `pci 00:02.0`. */
  readonly name: string;
  /** PCI revision, by which the chips of the family are told apart. */
  readonly revision: number;
  /** ICH whose part the controller is, or 0 for a chip of its own. */
  readonly ich: number;
  /** Its control/status registers. */
  readonly csr: RegisterWindow;
  /** Memory that it reaches. */
  readonly dma: DmaArena;
  /** Lets it read and write memory, or keeps it from that. */
  master(on: boolean): void;
  /** Calls `handler` for each interrupt on its line; it says whether the controller had interrupted. */
  interruptConnect(handler: () => boolean): void;
  /** Drops what comes from now on. */
  interruptDisconnect(): void;
  /** Whether it's still there. */
  present(): boolean;
  /** Gives back all that was taken of the bus. Nothing is called afterwards, but for `present`. */
  release(): void;
}
