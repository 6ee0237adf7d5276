import { check } from "../../ffi/errno.ts";
import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import { libc } from "../../ffi/libc.ts";
import { OftenCalled } from "../../ffi/often_called.ts";
import type { IrqHandler, IrqLine } from "../pci_host.ts";
import {
  triggerEventfds,
  triggerNone,
  unmaskRequest,
  VFIO_PCI_INTX_IRQ_INDEX,
} from "./vfio_irqs.ts";
import { VFIO_DEVICE_SET_IRQS } from "./vfio_ioctl.ts";

const ioctl = new OftenCalled("ioctl");

/**
 * A device's pin, which is asserted until the device has been dealt with. So the kernel masks it when it
 * signals the eventfd, and we unmask it after the handler: if it's asserted still, it interrupts again.
 */
export class VfioIntxLine implements IrqLine {
  readonly #device: number;
  readonly #waiter: FdWaiter;
  readonly #event = new Eventfd();
  readonly #unmask = unmaskRequest(VFIO_PCI_INTX_IRQ_INDEX);
  #connected = false;

  /** Turns the pin of the device with this descriptor on. */
  constructor(device: number, waiter: FdWaiter) {
    this.#device = device;
    this.#waiter = waiter;
    try {
      triggerEventfds(device, VFIO_PCI_INTX_IRQ_INDEX, [this.#event.fd]);
    } catch (error) {
      this.#event[Symbol.dispose]();
      throw error;
    }
  }

  connect(handler: IrqHandler): void {
    this.disconnect();
    this.#connected = true;
    this.#waiter.add(this.#event.fd, () => {
      if (!this.#event.drain()) return;
      handler();
      this.#rearm();
    });
    // It may have interrupted while nobody listened, and be masked since.
    if (this.#event.drain()) this.#rearm();
  }

  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#waiter.remove(this.#event.fd);
  }

  /** Turns the pin off. Before the device is closed. */
  close(): void {
    this.disconnect();
    try {
      triggerNone(this.#device, VFIO_PCI_INTX_IRQ_INDEX);
    } finally {
      this.#event[Symbol.dispose]();
    }
  }

  /** One system call, and nothing allocated. */
  #rearm(): void {
    // A handler that closed the device has closed this, too.
    if (!this.#connected) return;
    check("VFIO_DEVICE_SET_IRQS", this.#unmaskCall());
  }

  #unmaskCall(): number {
    const { compiled } = ioctl;
    if (compiled !== null) return compiled(this.#device, VFIO_DEVICE_SET_IRQS, this.#unmask);
    ioctl.count();
    return libc.ioctl(this.#device, VFIO_DEVICE_SET_IRQS, this.#unmask);
  }
}
