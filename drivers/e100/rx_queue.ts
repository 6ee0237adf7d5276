import type { DmaRegion } from "../../netdev/dma_region.ts";
import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { NetdevQueueCounters, NetdevRingStats } from "../../netdev/netdev_stats.ts";
import * as netdevTypes from "../../netdev/netdev_types.ts";
import * as rfds from "./receive_frame_descriptor.ts";
import * as registers from "./registers.ts";
import type { SystemControlBlock } from "./system_control_block.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { NETDEV_STATUS_MORE, NETDEV_STATUS_UNDERRUN } = netdevTypes;
const { closeRfd, linkRfd, openRfd, rfdCount, rfdStatus, writeRfd } = rfds;
const { RFD_BYTES, RFD_STATUS_C, RFD_STATUS_OK } = rfds;
const { RUC_START, RUS_MASK, RUS_READY } = registers;

declareDropReasons("e100", {
  rx_zero_length: "received at the end of the list of buffers, of which the card stores nothing",
  rx_bad_frame: "received with an error, as the card says",
}, ["rx_bad_frame"]);

const ETHERNET_HEADER_BYTES = 14;

/** Of the STAT/ACK byte. */
const ALL_CAUSES = 0xff;

/** Most bytes that the size of a descriptor can say, an even number. */
const MAX_SIZE = 0x3ffe;

/**
 * The receive unit is not started on fewer: the last descriptor isn't reached, as the one before it
 * ends the list, and that one takes no frame.
 */
const FEWEST_POSTED = 3;

/**
 * The receive side: a list of netbufs with a descriptor in front of each, which the controller fills
 * from the front while the driver adds to the end.
 *
 * The last descriptor but one ends the list (its EL bit is set, and its size is 0). So the one whose
 * link is still to be written is never looked at; and when there are more behind it, the end moves
 * before it's taken away, so that the receive unit never sees a list without an end.
 *
 * A unit that gets there has no resources and drops what comes, until it's started again.
 */
export class E100Rx implements NetdevQueueCounters {
  /** Descriptors that the ring has. */
  readonly size: number;
  readonly onEvent: ((queueId: number) => void) | undefined;
  /** MORE and UNDERRUN after the last burst. */
  status = 0;

  packets = 0;
  bytes = 0;
  interrupts = 0;
  underruns = 0;
  /** Times the receive unit had run out of descriptors, and times it was started. */
  notReady = 0;
  kicks = 0;
  readonly drops = dropCounters("rx_too_short", "rx_too_long", "rx_zero_length", "rx_bad_frame");
  /** The controller didn't take a command: it's stuck, or gone. */
  broken = false;

  readonly #region: DmaRegion;
  readonly #pool: NetbufPool;
  readonly #frameBytes: number;
  readonly #netbufs: (Netbuf | null)[];
  #scb: SystemControlBlock | null = null;
  /** The oldest netbuf that is posted, and how many are. */
  #head = 0;
  #posted = 0;
  /** Where the descriptor that ends the list is; -1 when it's the driver's again. */
  #end = -1;
  /** The receive unit is known to be out of descriptors; or may be, which its status tells. */
  #stopped = false;
  #suspect = false;

  /** For `size` netbufs of `pool`, which lie in `region`. */
  constructor(
    region: DmaRegion,
    size: number,
    pool: NetbufPool,
    onEvent?: (queueId: number) => void,
  ) {
    this.size = size;
    this.onEvent = onEvent;
    this.#region = region;
    this.#pool = pool;
    this.#frameBytes = Math.min(pool.bufferBytes & ~1, MAX_SIZE);
    this.#netbufs = new Array<Netbuf | null>(size).fill(null);
  }

  /** How full of buffers the controller is. */
  get ring(): NetdevRingStats {
    return { size: this.size, used: this.#posted };
  }

  /** Posts netbufs and starts the receive unit of a controller that was just set up. */
  start(scb: SystemControlBlock): void {
    this.#scb = scb;
    this.#fill();
    this.#stopped = true;
    this.#restart(scb);
  }

  /** Takes back what a controller holds that was reset. */
  stop(): void {
    this.#scb = null;
    while (this.#posted > 0) this.#shift()?.free();
    this.#head = 0;
    this.#end = -1;
    this.status = 0;
    this.#stopped = this.#suspect = this.broken = false;
  }

  /** The receive unit may have run out of descriptors: its status is to be looked at. */
  suspect(): void {
    this.#suspect = true;
  }

  /**
   * Asks for a poll, which also looks whether the receive unit runs: an interrupt may get lost. Linux's
   * driver has the controller interrupt for it now and then.
   */
  remind(): void {
    if (this.#scb === null) return;
    this.#suspect = true;
    this.onEvent?.(0);
  }

  /** Receives up to `count` packets into `netbufs[0…]`, refills the list, and says how many. */
  burst(netbufs: Netbuf[], count: number): number {
    const scb = this.#scb;
    if (scb === null) return 0;
    let seen = 0;
    while (seen < count && this.#isComplete(seen)) seen++;
    // QEMU writes a descriptor's status before it writes the frame. A register read comes after both.
    if (seen > 0 || this.#suspect) this.#look(scb.status());
    let received = 0;
    for (; seen > 0; seen--) {
      const netbuf = this.#take();
      if (netbuf !== null) netbufs[received++] = netbuf;
    }
    this.status = this.#isComplete(0) ? NETDEV_STATUS_MORE : 0;
    this.#fill();
    if (this.#stopped) this.#restart(scb);
    return received;
  }

  /**
   * Lets the controller interrupt; false, and masked, when frames wait already. Likewise while the
   * receive unit can't be started, as it would never interrupt: the pool is dry, and has to be tried
   * again.
   */
  arm(): boolean {
    const scb = this.#scb;
    if (scb === null) return true;
    this.#fill();
    if (this.#isComplete(0)) return false;
    if (this.#stopped && !this.#restart(scb)) return this.broken;
    scb.acknowledge(ALL_CAUSES);
    scb.unmask();
    // Writes may be on their way for long, and what comes before they arrive is acknowledged by them.
    // Whatever that is, it's seen here: the read is answered when they have arrived.
    this.#look(scb.status());
    if (!this.#stopped && !this.#isComplete(0)) return true;
    scb.mask();
    return false;
  }

  /** What the status of the receive unit says. */
  #look(word: number): void {
    this.#suspect = false;
    if ((word & RUS_MASK) !== RUS_READY) this.#outOfDescriptors();
  }

  #outOfDescriptors(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.notReady++;
  }

  /** Starts the receive unit at the first descriptor that is clean; whether it runs. */
  #restart(scb: SystemControlBlock): boolean {
    if (this.broken || this.#posted < FEWEST_POSTED || this.#isComplete(0)) return false;
    if (!scb.issueAt(RUC_START, this.#address(this.#head))) {
      this.broken = true;
      return false;
    }
    this.kicks++;
    this.#stopped = false;
    return true;
  }

  /** The oldest netbuf as a packet, or null when it has none: it's freed then. */
  #take(): Netbuf | null {
    // The unit stopped here: its list had no more.
    if (this.#head === this.#end) {
      this.#end = -1;
      this.#outOfDescriptors();
    }
    const netbuf = this.#shift();
    if (netbuf === null) return null;
    const rfd = netbuf.data - RFD_BYTES;
    const length = rfdCount(this.#region, rfd);
    if ((rfdStatus(this.#region, rfd) & RFD_STATUS_OK) === 0) this.drops.rx_bad_frame++;
    else if (length === 0) this.drops.rx_zero_length++;
    else if (length < ETHERNET_HEADER_BYTES) this.drops.rx_too_short++;
    else if (length > this.#frameBytes) this.drops.rx_too_long++;
    else {
      netbuf.length = length;
      this.packets++;
      this.bytes += length;
      return netbuf;
    }
    netbuf.free();
    return null;
  }

  /** Adds as many netbufs to the list as there are, and moves its end behind them. */
  #fill(): void {
    const before = this.#posted;
    while (this.#posted < this.size) {
      const netbuf = this.#pool.alloc();
      if (netbuf === null) {
        this.status |= NETDEV_STATUS_UNDERRUN;
        this.underruns++;
        break;
      }
      this.#post(netbuf);
    }
    if (this.#posted > before && this.#posted > 1) this.#moveEnd();
  }

  #post(netbuf: Netbuf): void {
    const rfd = netbuf.data - RFD_BYTES;
    writeRfd(this.#region, rfd, this.#frameBytes);
    if (this.#posted > 0) {
      const last = this.#rfd(this.#slot(this.#posted - 1));
      linkRfd(this.#region, last, this.#region.deviceAddress(rfd));
    }
    this.#netbufs[this.#slot(this.#posted)] = netbuf;
    this.#posted++;
  }

  #moveEnd(): void {
    const end = this.#slot(this.#posted - 2);
    const old = this.#end;
    closeRfd(this.#region, this.#rfd(end));
    if (old >= 0) openRfd(this.#region, this.#rfd(old), this.#frameBytes);
    this.#end = end;
  }

  #shift(): Netbuf | null {
    const head = this.#head;
    const netbuf = this.#netbufs[head];
    this.#netbufs[head] = null;
    this.#head = head + 1 === this.size ? 0 : head + 1;
    this.#posted--;
    return netbuf;
  }

  /** Whether the controller is done with the descriptor that is `nth` from the oldest, if it's posted. */
  #isComplete(nth: number): boolean {
    if (nth >= this.#posted) return false;
    return (rfdStatus(this.#region, this.#rfd(this.#slot(nth))) & RFD_STATUS_C) !== 0;
  }

  #slot(nth: number): number {
    const slot = this.#head + nth;
    return slot >= this.size ? slot - this.size : slot;
  }

  /** Offset of the descriptor in front of the netbuf in this slot. */
  #rfd(slot: number): number {
    const netbuf = this.#netbufs[slot];
    return netbuf === null ? 0 : netbuf.data - RFD_BYTES;
  }

  #address(slot: number): number {
    return this.#region.deviceAddress(this.#rfd(slot));
  }
}
