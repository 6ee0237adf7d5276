import type { NetbufPool } from "./netbuf_pool.ts";
import { NetdevError } from "./netdev_error.ts";
import type { NetdevQueueInfo, NetdevState } from "./netdev_types.ts";

/*
 * What the calls of a netdev demand of its state and of their arguments. Each check throws a
 * `NetdevError`, `EINVAL` unless it says otherwise, that tells what would do.
 */

/** In the order of their values. */
const STATE_NAMES = ["INVALID", "UNPROBED", "UNCONFIGURED", "CONFIGURED", "RUNNING"] as const;

/** `call` is legal in `state`: one of those `from` … `to`. */
export function checkState(
  call: string,
  state: NetdevState,
  from: NetdevState,
  to: NetdevState,
): void {
  if (state >= from && state <= to) return;
  const legal = STATE_NAMES.slice(from, to + 1).join(", ");
  throw new NetdevError("EINVAL", `${call} in state ${STATE_NAMES[state]}: needs ${legal}`);
}

/** `queueId` is one of the `count` queues of its kind. */
export function checkQueue(kind: string, queueId: number, count: number): void {
  if (Number.isInteger(queueId) && queueId >= 0 && queueId < count) return;
  throw new NetdevError("EINVAL", `no ${kind} queue ${queueId}: there are ${count}`);
}

/** `queueId` is one of `queues`, and not set up yet; `EBUSY` when it is. */
export function checkUnconfigured(kind: string, queueId: number, queues: readonly boolean[]): void {
  checkQueue(kind, queueId, queues.length);
  if (queues[queueId]) throw new NetdevError("EBUSY", `${kind} queue ${queueId} is set up already`);
}

/** `count` queues are what the device has, or fewer. */
export function checkQueueCount(kind: string, count: number, max: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= max) return;
  throw new NetdevError("EINVAL", `${count} ${kind} queues: 1 to ${max} are possible`);
}

/** So many descriptors, 0 for the default, are what a queue may have; `ENOBUFS` for more. */
export function checkDescriptors(descriptors: number, info: NetdevQueueInfo): void {
  if (descriptors === 0) return;
  const { minDescriptors, maxDescriptors, powerOfTwo } = info;
  if (descriptors > maxDescriptors) {
    throw new NetdevError("ENOBUFS", `${descriptors} descriptors: the queue has ${maxDescriptors}`);
  }
  const shaped = !powerOfTwo || (descriptors & (descriptors - 1)) === 0;
  if (!Number.isInteger(descriptors) || descriptors < minDescriptors || !shaped) {
    const shape = powerOfTwo ? "a power of two " : "";
    throw new NetdevError(
      "EINVAL",
      `${descriptors} descriptors: ${shape}from ${minDescriptors} to ${maxDescriptors} is needed`,
    );
  }
}

/** The netbufs of a pool have room for the `needed` bytes. */
export function checkBuffers({ bufferBytes }: NetbufPool, needed: number): void {
  if (bufferBytes >= needed) return;
  throw new NetdevError(
    "EINVAL",
    `netbufs with room for ${bufferBytes} bytes: the device receives into ${needed} or more`,
  );
}

/** Every queue of its kind is set up. */
export function checkSetUp(kind: string, queues: readonly boolean[]): void {
  const queueId = queues.indexOf(false);
  if (queueId < 0) return;
  throw new NetdevError("EINVAL", `start before ${kind} queue ${queueId} is set up`);
}

/** A MAC address of 6 bytes that one host can have: no group address, and not all zero. */
export function checkHwaddr(address: Uint8Array): void {
  const isZero = address.every((byte) => byte === 0);
  if (address.length === 6 && !isZero && (address[0] & 1) === 0) return;
  throw new NetdevError("EINVAL", `${[...address]} is no unicast MAC address of 6 bytes`);
}

/** An MTU that the device can have. */
export function checkMtu(mtu: number, minMtu: number, maxMtu: number): void {
  if (Number.isInteger(mtu) && mtu >= minMtu && mtu <= maxMtu) return;
  throw new NetdevError("EINVAL", `MTU ${mtu}: ${minMtu} to ${maxMtu} is possible`);
}
