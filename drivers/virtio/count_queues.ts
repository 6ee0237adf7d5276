/** More queues than any device has: QEMU's VIRTIO_QUEUE_MAX. */
const MOST_QUEUES = 1024;

/**
 * How many queues a device has where no register tells: the first one of size 0 ends them (virtio 1.2
 * §4.1.4.10, §4.2.3.2). `sizeMax` gives the largest size of each.
 */
export function countQueues(sizeMax: (index: number) => number): number {
  let count = 0;
  while (count < MOST_QUEUES && sizeMax(count) !== 0) count++;
  return count;
}
