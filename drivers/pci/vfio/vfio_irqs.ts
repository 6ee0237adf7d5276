import { VfioError } from "./vfio_error.ts";
import {
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_SET_IRQS,
  vfioCall,
  vfioQuery,
} from "./vfio_ioctl.ts";

/** Interrupt indices of a PCI device (linux/vfio.h). */
export const VFIO_PCI_INTX_IRQ_INDEX = 0;
export const VFIO_PCI_MSIX_IRQ_INDEX = 2;
/** No interrupts of the device's: the kernel tells of an error on the bus, and wants it back. */
export const VFIO_PCI_ERR_IRQ_INDEX = 3;
export const VFIO_PCI_REQ_IRQ_INDEX = 4;

const VFIO_IRQ_SET_DATA_NONE = 1 << 0;
const VFIO_IRQ_SET_DATA_EVENTFD = 1 << 2;
const VFIO_IRQ_SET_ACTION_UNMASK = 1 << 4;
const VFIO_IRQ_SET_ACTION_TRIGGER = 1 << 5;

/** `struct vfio_irq_info`: argsz, flags, index, count. */
const IRQ_INFO_WORDS = 4;
const COUNT = 3;

/** How many interrupts the device of this descriptor has at an index, 0 for none. */
export function irqCount(device: number, index: number): number {
  const words = new Array<number>(IRQ_INFO_WORDS).fill(0);
  words[2] = index;
  try {
    return vfioQuery(device, "VFIO_DEVICE_GET_IRQ_INFO", VFIO_DEVICE_GET_IRQ_INFO, words)[COUNT];
  } catch {
    return 0; // EINVAL: this kernel, or this device, doesn't know of it.
  }
}

/** Has the kernel signal the nth eventfd for the nth interrupt of an index, and turns these on. */
export function triggerEventfds(device: number, index: number, eventfds: readonly number[]): void {
  const left = setIrqs(
    device,
    irqSet(
      VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
      index,
      eventfds.length,
      eventfds,
    ),
  );
  // As many as it could have had, when there are fewer.
  if (left > 0) {
    throw new VfioError(`the kernel has ${left} interrupt vectors left, not ${eventfds.length}`);
  }
}

/** Turns all interrupts of an index off. */
export function triggerNone(device: number, index: number): void {
  setIrqs(device, irqSet(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, []));
}

/** What is told to let an INTx line interrupt again, which the kernel masks each time it has. */
export function unmaskRequest(index: number): Uint32Array<ArrayBuffer> {
  return irqSet(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, 1, []);
}

/** Tells it. */
export function setIrqs(device: number, request: Uint32Array<ArrayBuffer>): number {
  return vfioCall(device, "VFIO_DEVICE_SET_IRQS", VFIO_DEVICE_SET_IRQS, request);
}

/** `struct vfio_irq_set`: argsz, flags, index, start, count, and descriptors of 32 bits. */
export function irqSet(
  flags: number,
  index: number,
  count: number,
  data: readonly number[],
): Uint32Array<ArrayBuffer> {
  const words = Uint32Array.of(0, flags, index, 0, count, ...data);
  words[0] = words.byteLength;
  return words;
}
