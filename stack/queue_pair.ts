import { burstArray } from "../netdev/burst_array.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { NetbufPool } from "../netdev/netbuf_pool.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NETDEV_F_RX_CSUM } from "../netdev/netdev_types.ts";
import * as pollScheduler from "../netdev/poll_scheduler.ts";
import type { PollScheduler } from "../netdev/poll_scheduler.ts";
import type { Napi, NapiCounters, PolledQueue } from "../netdev/polled_queue.ts";
import { ETHERNET_HEADER_BYTES } from "./ethernet.ts";
import type { Host } from "./host.ts";
import { completeChecksums } from "./partial_checksum.ts";
import { PollTimer } from "./poll_timer.ts";
import * as verdicts from "./verdict.ts";

// Not imported by name, for speed: see host.ts.
const { POLL_WEIGHT } = pollScheduler;
const { DROP, REPLY } = verdicts.Verdict;

/** While the device has no room, it's asked again so often: transmit queues raise no interrupts. */
const TX_STALL_MS = 1;

/** So many of the stack's own frames go out with the replies of a burst; more go before them. */
const OWN_FRAMES = POLL_WEIGHT;

/**
 * What was sent is taken back by that many frames: to look how many that are costs 5 ns, a small burst as
 * much as a large one. More of them would crowd the processor's cache.
 */
const RECLAIM_FRAMES = POLL_WEIGHT;

/**
 * After so many polls in a row without a packet, what was sent last is taken back, too. To look for it in
 * each of them would fetch the line of an index that the device writes, once a frame where they come singly.
 */
const RECLAIM_EMPTY_POLLS = 64;

/** Frames that an interface dropped, by the reason. */
export type InterfaceDrops = Record<"tx_ring_full" | "tx_suspended", number>;

/**
 * A receive queue of a network device, and the transmit queue of the same number by which what is
 * received there is answered: so no two receive queues wait for one another's room, and a device that
 * spreads conversations over its queues gets the replies of each by its own.
 */
export class QueuePair implements PolledQueue {
  #netdev: Netdev;
  readonly #queueId: number = 0;
  readonly #drops: InterfaceDrops;
  /** Enabled as long as the host may use the device. */
  readonly #napi: Napi;
  #host: Host | null = null;
  /** What is received, then the replies among it, and then what the stack adds of its own. */
  readonly #burst: Netbuf[] = burstArray(POLL_WEIGHT + OWN_FRAMES);
  /** Frames of the stack's own that wait for the end of a poll. */
  readonly #own: Netbuf[] = burstArray(OWN_FRAMES);
  #ownCount = 0;
  /** Frames that the transmit queue is known to take, without asking it again. */
  #roomLeft = 0;
  /** The most that it has taken, and whether some of that may be at the device. */
  #mostRoom = 0;
  #isOut = false;
  #emptyPolls = 0;
  /** Netbufs that the longest reply may consist of. */
  #maxPieces = 1;
  #polling = false;
  #stalled = false;
  #interrupts = true;
  /** Whether what is received may come with a checksum to be completed. */
  #partialChecksums = false;
  /** When to look at a device without interrupts. */
  readonly #timer = new PollTimer();

  /** For the queues `queueId` of a netdev; what is dropped is counted in `drops`. */
  constructor(netdev: Netdev, queueId: number, scheduler: PollScheduler, drops: InterfaceDrops) {
    this.#netdev = netdev;
    this.#queueId = queueId;
    this.#drops = drops;
    this.#napi = scheduler.add(this);
  }

  /** How the receive queue was polled so far: a snapshot. */
  get napiCounters(): NapiCounters {
    return this.#napi.counters;
  }

  /** Gives what is received to `host`, from {@link resume} on. */
  attach(host: Host): void {
    this.#host = host;
  }

  /** Goes on with a device, in CONFIGURED or RUNNING, and netbufs of its pool. */
  use(netdev: Netdev, pool: NetbufPool): void {
    this.#netdev = netdev;
    const maxFrame = ETHERNET_HEADER_BYTES + netdev.mtuGet();
    const pieces = Math.ceil(maxFrame / pool.bufferBytes);
    this.#maxPieces = Math.min(pieces, netdev.txqInfoGet(this.#queueId).maxDescriptors);
    const { features = 0 } = netdev.infoGet();
    this.#partialChecksums = (features & NETDEV_F_RX_CSUM) !== 0;
  }

  /** Leaves the queues alone from now on. Not from within a poll. */
  suspend(): void {
    this.#napi.disable();
    this.#stalled = false;
    this.#roomLeft = 0;
    this.#mostRoom = 0;
  }

  /** The device was started, and may have found another way to interrupt, or none. */
  resume(): void {
    this.#interrupts = this.#netdev.infoGet().rxqInterrupts;
    this.#timer.stir();
    this.#napi.enable();
    // What has come meanwhile interrupts nobody.
    this.#napi.schedule();
  }

  /** The device has interrupted for the receive queue. */
  onEvent(): void {
    this.#napi.schedule();
  }

  poll(weight: number, now: number): number {
    const host = this.#host;
    if (host === null) return 0;
    const burst = this.#burst;
    // A reply always finds room: no more is received than could be answered.
    const wanted = weight < POLL_WEIGHT ? weight : POLL_WEIGHT;
    if (this.#roomLeft < wanted) this.#roomLeft = this.#room();
    const room = this.#roomLeft;
    this.#stalled = room === 0;
    const count = this.#netdev.rxBurst(this.#queueId, burst, room < wanted ? room : wanted);
    if (count === 0) {
      // Nobody waits for what this costs, and what was sent last is not kept for long. Once all of that is
      // back the device is left alone: it would have to fetch the line that is looked at each time.
      this.#emptyPolls = this.#emptyPolls + 1 | 0;
      if (this.#isOut && this.#emptyPolls >= RECLAIM_EMPTY_POLLS) this.#reclaim();
      return 0;
    }
    this.#emptyPolls = 0;
    if (this.#partialChecksums === true) completeChecksums(burst, count);
    this.#polling = true;
    let replies = 0;
    for (let i = 0; i < count; i = i + 1 | 0) {
      const answered = host.answer(burst, i, count);
      // Where nothing is dropped, each lies in its place already.
      if (replies === i) replies = replies + answered | 0;
      else for (let k = 0; k < answered; k++) burst[replies++] = burst[i + k];
      i = i + answered | 0;
      if (i === count) break;
      const netbuf = burst[i];
      const verdict = host.input(netbuf, now);
      if (verdict === REPLY && (netbuf.next === null || this.#isShort(netbuf))) {
        burst[replies++] = netbuf;
      } else if (verdict === DROP) netbuf.free();
    }
    this.#polling = false;
    for (let i = 0; i < this.#ownCount; i++) burst[replies++] = this.#own[i];
    this.#ownCount = 0;
    this.#transmit(burst, replies);
    return count;
  }

  arm(): boolean {
    if (this.#isOut) this.#reclaim();
    // Packets may wait, but can't be answered: the timer looks after this queue, not an interrupt.
    if (this.#stalled || !this.#interrupts) return true;
    return this.#netdev.rxqIntrEnable(this.#queueId) === 0;
  }

  disarm(): void {
    if (this.#interrupts) this.#netdev.rxqIntrDisable(this.#queueId);
  }

  /** Looks after what no interrupt tells of; when it wants to again, or Infinity. */
  tick(now: number): number {
    if (!this.#napi.enabled) return Infinity;
    if (!this.#interrupts) return this.#pollByTime(now);
    if (!this.#stalled) return Infinity;
    this.#roomLeft = this.#room();
    this.#stalled = this.#roomLeft === 0;
    if (this.#stalled) return now + TX_STALL_MS;
    this.#napi.schedule();
    return Infinity;
  }

  /** Sends a frame that answers none: with the replies of a burst in the middle of which it comes. */
  send(netbuf: Netbuf): void {
    if (!this.#napi.enabled) {
      this.#drops.tx_suspended++;
      netbuf.free();
      return;
    }
    if (!this.#interrupts) this.#expectAnswer();
    if (this.#ownCount === OWN_FRAMES) this.#flush();
    this.#own[this.#ownCount++] = netbuf;
    if (!this.#polling) this.#flush();
  }

  /**
   * Schedules a poll when one is due; when the next one is. While there are polls anyway none is asked
   * for: where one takes longer than the interval, or where the clock goes on in steps of 4 ms, that would
   * keep the queue from ever completing.
   */
  #pollByTime(now: number): number {
    if (this.#stalled) this.#timer.stir();
    const isDue = this.#timer.isDue(now, this.#napi.packets);
    if (isDue && !this.#napi.scheduled) this.#napi.schedule();
    return this.#timer.next;
  }

  /** A loop that has asked when to look already asks again then. */
  #expectAnswer(): void {
    this.#timer.stir();
    if (!this.#napi.scheduled) this.#napi.schedule();
  }

  /** Takes back what was sent, when there's time for it. */
  #reclaim(): void {
    this.#emptyPolls = 0;
    this.#roomLeft = this.#room();
  }

  /**
   * Replies of any size that the transmit queue takes now, up to when what they leave behind is to be
   * taken back.
   */
  #room(): number {
    const room = this.#netdev.txqReclaim(this.#queueId);
    if (room > this.#mostRoom) this.#mostRoom = room;
    this.#isOut = room < this.#mostRoom;
    const replies = this.#maxPieces === 1 ? room : Math.floor(room / this.#maxPieces);
    return Math.min(replies, POLL_WEIGHT + RECLAIM_FRAMES);
  }

  /** Whether a reply takes no more room than its length needs. If not, it's dropped. */
  #isShort(reply: Netbuf): boolean {
    if (!isLonger(reply, this.#maxPieces)) return true;
    // Only a device that leaves buffers half empty needs more; others' replies must not pay for it.
    reply.free();
    this.#drops.tx_ring_full++;
    return false;
  }

  #flush(): void {
    const count = this.#ownCount;
    this.#ownCount = 0;
    this.#transmit(this.#own, count);
  }

  #transmit(netbufs: Netbuf[], count: number): void {
    if (count === 0) return;
    const taken = this.#netdev.txBurst(this.#queueId, netbufs, 0, count);
    this.#isOut = true;
    const left = this.#roomLeft - count | 0;
    this.#roomLeft = left < 0 ? 0 : left;
    for (let i = taken; i < count; i++) {
      netbufs[i].free();
      this.#drops.tx_ring_full++;
    }
  }
}

function isLonger(chain: Netbuf, pieces: number): boolean {
  let piece: Netbuf | null = chain;
  for (let left = pieces; left > 0 && piece !== null; left--) piece = piece.next;
  return piece !== null;
}
