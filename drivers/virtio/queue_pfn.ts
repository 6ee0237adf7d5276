import { VirtioError } from "./virtio_error.ts";

/** Unit of QueuePFN, and what the parts of a ring are aligned to that is told by it. */
export const QUEUE_PAGE_BYTES = 4096;

/**
 * The page number by which a legacy device is told of a ring, in 32 bits (virtio 1.2 §4.1.5.1.3.1,
 * §4.2.4). `VirtioError`, in the name of the device, for an address that has none.
 */
export function queuePfn(device: string, descriptorArea: number): number {
  const page = descriptorArea / QUEUE_PAGE_BYTES;
  if (Number.isInteger(page) && page < 2 ** 32) return page;
  throw new VirtioError(`${device}: no page number for a ring at ${descriptorArea}`);
}
