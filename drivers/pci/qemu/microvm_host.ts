import type { DmaArena } from "../../../netdev/dma_arena.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import type { PlatformDevice } from "../platform_device.ts";
import { QemuBox, type QemuBoxOptions } from "./qemu_box.ts";
import { microvmCommandLine, type QemuNic } from "./qemu_command_line.ts";
import { QtestWindow } from "./qtest_window.ts";

/** Places for virtio devices, behind each other, each with a wire (QEMU's hw/i386/microvm.c). */
const VIRTIO_MMIO_BASE = 0xfeb0_0000;
const SLOT_BYTES = 512;
const SLOTS = 8;
/** The input of the interrupt controller that the first one is wired to. */
const VIRTIO_IRQ_BASE = 5;

/** What to start. */
export interface MicrovmHostOptions extends QemuBoxOptions {
  readonly nic: QemuNic;
  /** Whether virtio devices have the registers of virtio-mmio's version 1; default those of version 2. */
  readonly legacy?: boolean;
}

/**
 * QEMU's microvm, a machine without a bus, as a process of our own: eight places for virtio devices at
 * addresses that are known beforehand, which is what Firecracker has, too. Without PCI there's nothing
 * that would turn interrupts and doorbells into eventfds: wires are told of by the qtest protocol, and
 * a doorbell is a posted write.
 */
export class MicrovmHost {
  /** Memory that its devices reach. */
  readonly dma: DmaArena;
  /** The places, of which all but one are empty. */
  readonly slots: readonly PlatformDevice[];
  readonly #box: QemuBox;

  private constructor(options: MicrovmHostOptions, waiter: FdWaiter) {
    const { nic, legacy = false } = options;
    this.#box = new QemuBox(
      options,
      waiter,
      (shared) => microvmCommandLine({ ...shared, nic, legacy }),
    );
    const { dma, qtest, irqs } = this.#box;
    this.dma = dma;
    this.slots = Array.from({ length: SLOTS }, (_, slot): PlatformDevice => {
      const address = VIRTIO_MMIO_BASE + slot * SLOT_BYTES;
      return {
        name: `mmio 0x${address.toString(16)}`,
        registers: new QtestWindow(qtest, address, SLOT_BYTES),
        line: irqs.line(VIRTIO_IRQ_BASE + slot),
        dma,
      };
    });
  }

  /** Starts QEMU and waits until it answers. `QemuError` with one line when it can't. */
  static async start(options: MicrovmHostOptions, waiter: FdWaiter): Promise<MicrovmHost> {
    const host = new MicrovmHost(options, waiter);
    try {
      await host.#box.start(() => {});
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

  /** Whether QEMU was found to have gone, of which `onGone` tells. */
  get gone(): boolean {
    return this.#box.gone;
  }

  /** Times a wire was raised that no driver answered for; it's left alone until it was low. */
  get unclaimedInterrupts(): number {
    return this.#box.irqs.unclaimed;
  }

  /** Ends QEMU and gives everything back. The memory can't be used afterwards. */
  async close(): Promise<void> {
    await this.#box.close();
  }
}
