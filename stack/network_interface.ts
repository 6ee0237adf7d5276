import { dropCounters } from "../netdev/drop_reasons.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { NetbufPool } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import type { Ticker } from "../netdev/poll_loop.ts";
import { POLL_WEIGHT, type PollScheduler } from "../netdev/poll_scheduler.ts";
import type { Napi, NapiCounters, PolledQueue } from "../netdev/polled_queue.ts";
import { NETDEV_F_PARTIAL_CSUM, NETDEV_F_RX_CSUM } from "../netdev/netdev_types.ts";
import { ETHERNET_HEADER_BYTES } from "./ethernet.ts";
import type { FrameOutput } from "./frame_output.ts";
import type { Host } from "./host.ts";
import { completeChecksums } from "./partial_checksum.ts";
import { Verdict } from "./verdict.ts";

/** While the device has no room, it's asked again so often: transmit queues raise no interrupts. */
const TX_STALL_MS = 1;

/** A device without interrupts is looked at so often. */
const POLL_INTERVAL_MS = 1;

/** What is received of one burst goes out as one burst, and what the stack adds of its own. */
const TX_BATCH = 2 * POLL_WEIGHT;

/**
 * A host's place on a network device: takes bursts from its receive queue to the stack, and replies
 * and the stack's own frames to its transmit queue, with one notification for all of a burst.
 */
export class NetworkInterface implements FrameOutput, PolledQueue, Ticker {
  /** Frames that found no room, or would have taken more than their share; and while suspended. */
  readonly drops = dropCounters("tx_ring_full", "tx_suspended");

  #netdev: Netdev;
  #pool: NetbufPool;
  /** Enabled as long as the host may use the device. */
  readonly #napi: Napi;
  #host: Host | null = null;
  readonly #received: Netbuf[] = [];
  readonly #transmit: Netbuf[] = [];
  #transmitCount = 0;
  /** Netbufs that the longest reply may consist of. */
  #maxPieces = 1;
  #polling = false;
  #stalled = false;
  #interrupts = true;
  #completesChecksums = false;
  /** Whether what is received may come with a checksum to be completed. */
  #partialChecksums = false;
  /** When to look at a device without interrupts again. */
  #nextPoll = 0;

  /** For queue 0 of a netdev, whose frames of our own come from `pool`. */
  constructor(netdev: Netdev, pool: NetbufPool, scheduler: PollScheduler) {
    this.#netdev = netdev;
    this.#pool = pool;
    this.#napi = scheduler.add(this);
  }

  /** Whether the device completes checksums that are left to it. */
  get completesChecksums(): boolean {
    return this.#completesChecksums;
  }

  /** How its receive queue was polled so far: a snapshot. */
  get napiCounters(): NapiCounters {
    return this.#napi.counters;
  }

  /** Gives what is received to `host`, and schedules the first poll: frames may wait already. */
  attach(host: Host): void {
    this.#measure();
    this.#host = host;
    this.resume();
  }

  /**
   * Leaves the device alone from now on, so that it can be stopped. The host lives on: it keeps what
   * it knows and its timers, and what it sends is dropped and counted. Not from within a poll.
   */
  suspend(): void {
    this.#napi.disable();
    this.#stalled = false;
  }

  /** The device was started again. */
  resume(): void {
    this.#napi.enable();
    // What has come meanwhile interrupts nobody.
    this.#napi.schedule();
  }

  /**
   * Goes on with another device and its pool in place of those that it has, from {@link resume} on:
   * in CONFIGURED now, RUNNING then. While suspended. What the host keeps of the old pool goes out
   * over the new device, so both have to be in the same memory.
   */
  moveTo(netdev: Netdev, pool: NetbufPool): void {
    this.#netdev = netdev;
    this.#pool = pool;
    this.#measure();
  }

  /** The device has interrupted for its receive queue. */
  onEvent(): void {
    this.#napi.schedule();
  }

  poll(weight: number, now: number): number {
    const host = this.#host;
    if (host === null) return 0;
    const received = this.#received;
    // A reply always finds room: no more is received than could be answered.
    const room = this.#room();
    this.#stalled = room === 0;
    const count = this.#netdev.rxBurst(0, received, Math.min(weight, room, POLL_WEIGHT));
    if (this.#partialChecksums) completeChecksums(received, count);
    this.#polling = true;
    for (let i = 0; i < count; i++) {
      const netbuf = received[i];
      const verdict = host.input(netbuf, now);
      if (verdict === Verdict.REPLY) {
        if (netbuf.next === null) this.#enqueue(netbuf);
        else this.#enqueueChain(netbuf);
      } else if (verdict === Verdict.DROP) netbuf.free();
    }
    this.#polling = false;
    this.#flush();
    return count;
  }

  arm(): boolean {
    // Packets may wait, but can't be answered: the timer looks after this queue, not an interrupt.
    if (this.#stalled || !this.#interrupts) return true;
    return this.#netdev.rxqIntrEnable(0) === 0;
  }

  disarm(): void {
    if (this.#interrupts) this.#netdev.rxqIntrDisable(0);
  }

  tick(now: number): number {
    const deadline = this.#host?.tick(now) ?? Infinity;
    if (!this.#napi.enabled) return deadline;
    if (!this.#interrupts) return Math.min(deadline, this.#pollByTime(now));
    if (!this.#stalled) return deadline;
    this.#stalled = this.#room() === 0;
    if (this.#stalled) return Math.min(deadline, now + TX_STALL_MS);
    this.#napi.schedule();
    return deadline;
  }

  alloc(): Netbuf | null {
    return this.#pool.alloc();
  }

  send(netbuf: Netbuf): void {
    if (!this.#napi.enabled) {
      this.drops.tx_suspended++;
      netbuf.free();
      return;
    }
    this.#enqueue(netbuf);
    if (!this.#polling) this.#flush();
  }

  #measure(): void {
    const maxFrame = ETHERNET_HEADER_BYTES + this.#netdev.mtuGet();
    const pieces = Math.ceil(maxFrame / this.#pool.bufferBytes);
    this.#maxPieces = Math.min(pieces, this.#netdev.txqInfoGet(0).maxDescriptors);
    const { rxqInterrupts, features = 0 } = this.#netdev.infoGet();
    this.#interrupts = rxqInterrupts;
    this.#completesChecksums = (features & NETDEV_F_PARTIAL_CSUM) !== 0;
    this.#partialChecksums = (features & NETDEV_F_RX_CSUM) !== 0;
  }

  /** Schedules a poll each interval; when the next one is due. */
  #pollByTime(now: number): number {
    if (now >= this.#nextPoll) {
      this.#nextPoll = now + POLL_INTERVAL_MS;
      this.#napi.schedule();
    }
    return this.#nextPoll;
  }

  /** Replies of any size that the transmit queue takes now. */
  #room(): number {
    const room = this.#netdev.txqReclaim(0);
    return this.#maxPieces === 1 ? room : Math.floor(room / this.#maxPieces);
  }

  #enqueueChain(reply: Netbuf): void {
    if (!isLonger(reply, this.#maxPieces)) {
      this.#enqueue(reply);
      return;
    }
    // Only a device that leaves buffers half empty needs more; others' replies must not pay for it.
    reply.free();
    this.drops.tx_ring_full++;
  }

  #enqueue(netbuf: Netbuf): void {
    if (this.#transmitCount === TX_BATCH) this.#flush();
    this.#transmit[this.#transmitCount++] = netbuf;
  }

  #flush(): void {
    const count = this.#transmitCount;
    if (count === 0) return;
    const taken = this.#netdev.txBurst(0, this.#transmit, 0, count);
    for (let i = taken; i < count; i++) {
      this.#transmit[i].free();
      this.drops.tx_ring_full++;
    }
    this.#transmitCount = 0;
  }
}

function isLonger(chain: Netbuf, pieces: number): boolean {
  let piece: Netbuf | null = chain;
  for (let left = pieces; left > 0 && piece !== null; left--) piece = piece.next;
  return piece !== null;
}
