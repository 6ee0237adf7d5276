import { dropCounters } from "../netdev/drop_reasons.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { NetbufPool } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { Ticker } from "../netdev/poll_loop.ts";
import type { PollScheduler } from "../netdev/poll_scheduler.ts";
import { NETDEV_F_PARTIAL_CSUM } from "../netdev/netdev_types.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { Host } from "./host.ts";
import { type InterfaceDrops, QueuePair } from "./queue_pair.ts";

/**
 * A host's place on a network device. What is received by one of its queues is answered by the
 * transmit queue of the same number, with one notification for all of a burst; what the stack sends
 * of its own goes out by queue 0.
 */
export class NetworkInterface implements FrameOutput, Ticker {
  /** Frames that found no room, or would have taken more than their share; and while suspended. */
  readonly drops: InterfaceDrops = dropCounters("tx_ring_full", "tx_suspended");
  /** Its queues, by their numbers; each is polled for itself. */
  readonly queues: readonly QueuePair[];

  #netdev: Netdev;
  #pool: NetbufPool;
  /** By which the stack's own frames go out. */
  readonly #own: QueuePair;
  #host: Host | null = null;
  /** Whether the device completes checksums that are left to it. */
  #completesChecksums = false;

  /** For queues 0 to `queues` − 1 each way of a netdev, whose frames of our own come from `pool`. */
  constructor(netdev: Netdev, pool: NetbufPool, scheduler: PollScheduler, queues = 1) {
    this.#netdev = netdev;
    this.#pool = pool;
    this.#own = new QueuePair(netdev, 0, scheduler, this.drops);
    const others = Array.from(
      { length: queues - 1 },
      (_, i) => new QueuePair(netdev, 1 + i, scheduler, this.drops),
    );
    this.queues = [this.#own, ...others];
  }

  /** Whether the device completes checksums that are left to it. */
  get completesChecksums(): boolean {
    return this.#completesChecksums;
  }

  /** Gives what is received to `host`, and schedules the first polls: frames may wait already. */
  attach(host: Host): void {
    this.#host = host;
    this.#measure();
    for (const queue of this.queues) {
      queue.attach(host);
    }
    this.resume();
  }

  /**
   * Leaves the device alone from now on, so that it can be stopped. The host lives on: it keeps what
   * it knows and its timers, and what it sends is dropped and counted. Not from within a poll.
   */
  suspend(): void {
    for (const queue of this.queues) queue.suspend();
  }

  /** The device was started again. */
  resume(): void {
    for (const queue of this.queues) queue.resume();
  }

  /**
   * Goes on with another device and its pool in place of those that it has, from {@link resume} on:
   * in CONFIGURED now, RUNNING then, with as many queues. While suspended. What the host keeps of the
   * old pool goes out over the new device, so both have to be in the same memory.
   */
  moveTo(netdev: Netdev, pool: NetbufPool): void {
    this.#netdev = netdev;
    this.#pool = pool;
    this.#measure();
  }

  /** The device has interrupted for one of its receive queues. */
  onEvent(queueId: number): void {
    this.queues[queueId].onEvent();
  }

  tick(now: number): number {
    let deadline = this.#host?.tick(now) ?? Infinity;
    const queues = this.queues;
    // By index: an iterator is an object, each time.
    for (let i = 0; i < queues.length; i++) {
      const next = queues[i].tick(now);
      // Math.min() would have V8 make a number on the heap, each time.
      if (next < deadline) deadline = next;
    }
    return deadline;
  }

  alloc(): Netbuf | null {
    return this.#pool.alloc();
  }

  send(netbuf: Netbuf): void {
    this.#own.send(netbuf);
  }

  #measure(): void {
    const { features = 0 } = this.#netdev.infoGet();
    this.#completesChecksums = (features & NETDEV_F_PARTIAL_CSUM) !== 0;
    for (const queue of this.queues) queue.use(this.#netdev, this.#pool);
  }
}
