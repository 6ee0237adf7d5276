import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import type { PciAddress } from "../pci_address.ts";
import { formatWholePciAddress } from "../pci_address.ts";
import type { IrqLine } from "../pci_host.ts";
import type { PciSysfs } from "./pci_sysfs.ts";
import { heldOthers, type VfioBinder, type VfioBinding } from "./vfio_binding.ts";
import { VfioContainer } from "./vfio_container.ts";
import { VfioDevice } from "./vfio_device.ts";
import { VfioError } from "./vfio_error.ts";
import { VfioGroup } from "./vfio_group.ts";
import { VfioIntxLine } from "./vfio_intx_line.ts";
import {
  irqCount,
  triggerEventfds,
  VFIO_PCI_ERR_IRQ_INDEX,
  VFIO_PCI_INTX_IRQ_INDEX,
  VFIO_PCI_REQ_IRQ_INDEX,
} from "./vfio_irqs.ts";
import { VfioVectors } from "./vfio_vectors.ts";

/**
 * A card that is ours, in the order of Documentation/driver-api/vfio.rst: bound to vfio-pci; its group
 * in a container, which has an address space in the IOMMU then; and its device. It's given back in
 * reverse order.
 */
export class VfioCard implements Disposable {
  readonly address: PciAddress;
  readonly container: VfioContainer;
  readonly device: VfioDevice;
  /** Its name in sysfs. */
  readonly name: string;
  readonly #binding: VfioBinding;
  readonly #waiter: FdWaiter;
  readonly #held: DisposableStack;
  /** The one way in which it interrupts at the moment. */
  #interrupts: VfioVectors | VfioIntxLine | null = null;
  #isTaken = false;

  /** `VfioError` when it can't be had; it's as it was then. */
  constructor(
    address: PciAddress,
    sysfs: PciSysfs,
    binder: VfioBinder,
    waiter: FdWaiter,
  ) {
    const name = formatWholePciAddress(address);
    this.address = address;
    this.name = name;
    this.#waiter = waiter;
    using held = new DisposableStack();
    const binding = this.#binding = binder.bind(name);
    held.defer(() => {
      // Not while the kernel waits for it to be given back: that would wait for the kernel.
      if (!this.#isTaken) binding.restore();
    });
    this.container = held.use(new VfioContainer());
    const others = (): string | null => heldOthers(sysfs, name, binding.group);
    const group = held.use(new VfioGroup(binding.group, others));
    group.setContainer(this.container);
    this.container.setIommu();
    this.device = held.use(new VfioDevice(group.openDevice(name), name));
    this.#held = held.move();
  }

  /** Calls `onRequest` when the kernel wants the card back: it's taken out, or another driver is to have it. */
  watchRequests(onRequest: () => void): void {
    // Once every ten seconds, until it's given back.
    this.#watch(VFIO_PCI_REQ_IRQ_INDEX, onRequest);
  }

  /** Calls `onError` when PCI Express tells of an error that the card can't go on after. */
  watchErrors(onError: () => void): void {
    this.#watch(VFIO_PCI_ERR_IRQ_INDEX, onError);
  }

  /** Has the kernel tell of what it has at this index, if it has anything. */
  #watch(index: number, handler: () => void): void {
    const { fd } = this.device;
    if (irqCount(fd, index) === 0) return;
    const event = this.#held.use(new Eventfd());
    triggerEventfds(fd, index, [event.fd]);
    this.#waiter.add(event.fd, () => {
      if (event.drain()) handler();
    });
    this.#held.defer(() => this.#waiter.remove(event.fd));
  }

  /** Turns the first `count` MSI-X vectors on. `VfioError` when there are not so many. */
  enableMsix(count: number): readonly IrqLine[] {
    const vectors = new VfioVectors(this.device.fd, this.name, count, this.#waiter);
    this.#interrupts = vectors;
    return vectors.lines;
  }

  /** Turns the pin on. `VfioError` when it has none. */
  enableIntx(): IrqLine {
    if (irqCount(this.device.fd, VFIO_PCI_INTX_IRQ_INDEX) === 0) {
      throw new VfioError(`${this.name} has no interrupt pin`);
    }
    return this.#interrupts = new VfioIntxLine(this.device.fd, this.#waiter);
  }

  /** Turns off what is on. */
  disableInterrupts(): void {
    this.#interrupts?.close();
    this.#interrupts = null;
  }

  /** Lets go of it as the kernel wants it back, whose it's then. */
  handBack(): void {
    this.#isTaken = true;
    this[Symbol.dispose]();
  }

  /** After {@link handBack}, when the kernel has it: it's to be had by any driver again. */
  forget(): void {
    this.#binding.forget();
  }

  [Symbol.dispose](): void {
    if (this.#held.disposed) return;
    try {
      this.disableInterrupts();
    } finally {
      this.#held.dispose();
    }
  }
}
