import type { DmaArena } from "../../netdev/dma_arena.ts";
import type { PciDevice } from "../pci/pci_device.ts";
import type { PciDoorbells } from "./pci_doorbells.ts";
import type { VirtioPciInterrupts } from "./virtio_pci_interrupts.ts";
import type { InterruptMode, VirtioVector } from "./virtio_transport.ts";

const DRIVER_NAME = "virtio-pci";

/**
 * What a virtio device on the PCI bus has by whichever of its two interfaces: a function that is
 * claimed, interrupts, and doorbells. (Linux parts its virtio-pci in the same way.)
 */
export abstract class VirtioPciCommon {
  readonly name: string;
  readonly dma: DmaArena;
  protected readonly device: PciDevice;
  protected abstract readonly interrupts: VirtioPciInterrupts;
  protected abstract readonly doorbells: PciDoorbells;
  #shutDown = false;

  /** Claims the function, whose registers can be read then. */
  constructor(device: PciDevice) {
    this.name = `pci ${device.name}`;
    this.dma = device.host.dma;
    this.device = device;
    device.requestRegions(DRIVER_NAME);
    device.enable();
  }

  present(): boolean {
    return this.device.present;
  }

  interruptsConnect(onConfig: () => void, onQueue: readonly ((() => void) | null)[]): void {
    this.interrupts.connect(onConfig, onQueue);
  }

  get interruptMode(): InterruptMode {
    return this.interrupts.mode;
  }

  get vectors(): readonly VirtioVector[] {
    return this.interrupts.vectors;
  }

  interruptsDisconnect(): void {
    this.interrupts.disconnect();
  }

  shutdown(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    this.interrupts.disconnect();
    this.interrupts.release();
    this.doorbells.release();
    this.device.release();
  }
}
