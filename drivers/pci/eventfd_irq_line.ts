import type { Eventfd } from "../ffi/eventfd.ts";
import type { FdWaiter } from "../ffi/fd_waiter.ts";
import type { IrqHandler, IrqLine } from "./pci_host.ts";

/** An MSI-X vector that signals an eventfd, which stays the caller's. */
export class EventfdIrqLine implements IrqLine {
  readonly #event: Eventfd;
  readonly #waiter: FdWaiter;
  #connected = false;

  constructor(event: Eventfd, waiter: FdWaiter) {
    this.#event = event;
    this.#waiter = waiter;
  }

  connect(handler: IrqHandler): void {
    if (this.#connected) this.#waiter.remove(this.#event.fd);
    // What came while nobody listened was meant for another time, or for another device.
    else this.#event.drain();
    this.#connected = true;
    this.#waiter.add(this.#event.fd, () => {
      if (this.#event.drain()) handler();
    });
  }

  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#waiter.remove(this.#event.fd);
  }
}
