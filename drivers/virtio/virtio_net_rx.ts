import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { NetdevQueueCounters, NetdevRingStats } from "../../netdev/netdev_stats.ts";
import * as netdevTypes from "../../netdev/netdev_types.ts";
import type { FeatureSet } from "./features.ts";
import { PacketTotals } from "./packet_totals.ts";
import { type ReceiveHeaderReader, receiveHeaderReader } from "./receive_header.ts";
import * as virtioNetHeader from "./virtio_net_header.ts";
import type { QueueDoorbell } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { NETDEV_STATUS_MORE, NETDEV_STATUS_UNDERRUN } = netdevTypes;
const { ETHERNET_HEADER_BYTES, virtioNetHeaderBytes } = virtioNetHeader;

declareDropReasons("virtio-net", {
  rx_bad_length: "received with a length that its buffer can't hold, or in a piece of nothing",
  rx_bad_buffer_count: "received in more buffers than the device gave back, or in none",
  rx_bad_checksum_offset: "received with a checksum to be completed outside its first buffer",
}, ["rx_bad_length", "rx_bad_buffer_count", "rx_bad_checksum_offset"]);

/** Of a ring of 256 descriptors and more; of a smaller one an eighth. */
const MOST_UNFILLED = 32;

/**
 * The receive side: keeps the ring full of empty netbufs, and turns used ones into packets. The
 * device writes its header and the frame into one netbuf, such that the frame begins at `data`.
 */
export class VirtioNetRx implements NetdevQueueCounters {
  readonly vq: Virtqueue<Netbuf>;
  readonly onEvent: ((queueId: number) => void) | undefined;
  /** MORE and UNDERRUN after the last burst. */
  status = 0;

  readonly totals: PacketTotals = new PacketTotals();
  interrupts = 0;
  kicks = 0;
  kicksSuppressed = 0;
  underruns = 0;
  readonly drops = dropCounters(
    "rx_too_short",
    "rx_bad_length",
    "rx_bad_buffer_count",
    "rx_bad_checksum_offset",
  );

  readonly #pool: NetbufPool;
  /** Bytes of virtio's header, right in front of each packet's `data`. */
  readonly headerBytes: number = 0;
  /** Of what the device writes into the first buffer of a frame. */
  readonly #shortestLength: number = 0;
  readonly #readHeader: ReceiveHeaderReader;
  /** So many free descriptors are worth to be filled while frames come. */
  readonly #refillAt: number = 0;
  #doorbell: QueueDoorbell | null = null;
  /** Of the burst under way: the lengths of those that came. */
  readonly #lengths: Uint32Array = new Uint32Array(0);

  constructor(
    vq: Virtqueue<Netbuf>,
    pool: NetbufPool,
    negotiated: FeatureSet,
    onEvent?: (queueId: number) => void,
  ) {
    this.vq = vq;
    this.onEvent = onEvent;
    this.#pool = pool;
    this.#lengths = new Uint32Array(vq.size);
    this.#refillAt = Math.max(1, Math.min(MOST_UNFILLED, vq.size >>> 3));
    this.headerBytes = virtioNetHeaderBytes(negotiated);
    this.#shortestLength = this.headerBytes + ETHERNET_HEADER_BYTES;
    this.#readHeader = receiveHeaderReader(negotiated);
  }

  /** Posts as many netbufs as there are; the device is told of them by {@link kick}. */
  fill(): void {
    const { vq } = this;
    const most = vq.free;
    if (most === 0) return;
    const pool = this.#pool;
    const count = pool.allocBurst(most);
    vq.postBurst(pool.stack, pool.top, count, this.headerBytes, true);
    if (count === most) return;
    this.status |= NETDEV_STATUS_UNDERRUN;
    this.underruns++;
  }

  get packets(): number {
    return this.totals.packets;
  }

  get bytes(): number {
    return this.totals.bytes;
  }

  /** How full of buffers the device is. */
  get ring(): NetdevRingStats {
    const { size, free } = this.vq;
    return { size, used: size - free };
  }

  /** The queue is live from here on: notifies the device of what was posted before. */
  kick(doorbell: QueueDoorbell): void {
    this.#doorbell = doorbell;
    this.#publish();
  }

  /** Asks for a poll, as queue `queueId`, when there's something to take: an interrupt may get lost. */
  remind(queueId: number): void {
    if (this.vq.usedCount() > 0 || this.vq.broken) this.onEvent?.(queueId);
  }

  /** Takes back what a device holds that was reset, and makes the queue ready to be filled again. */
  stop(): void {
    this.#doorbell = null;
    this.status = 0;
    for (let netbuf = this.vq.reclaim(); netbuf !== null; netbuf = this.vq.reclaim()) netbuf.free();
    this.vq.reset();
  }

  /** Fills `netbufs[0…]` with up to `count` packets, refills the ring, and says how many. */
  burst(netbufs: Netbuf[], count: number): number {
    const { vq } = this;
    const used = vq.usedCount();
    this.status = 0;
    const received = used === 0 ? 0 : this.#receive(netbufs, used < count ? used : count, used);
    // To publish costs 12 ns and maybe a kick, a small burst as much as a large one. When nothing has come
    // there's time for it.
    if (used === 0 || vq.free >= this.#refillAt) {
      this.fill();
      this.#publish();
    }
    return received;
  }

  /** Takes `count` of the `used` buffers, or more where a frame is in several, as packets. */
  #receive(netbufs: Netbuf[], count: number, used: number): number {
    const { headerBytes } = this;
    const shortest = this.#shortestLength;
    const readHeader = this.#readHeader;
    const lengths = this.#lengths;
    const taken = this.vq.takeBurst(netbufs, lengths, count);
    let received = 0;
    let bytes = 0;
    // Buffers of the `used` that were looked at.
    let seen = 0;
    while (seen < taken) {
      const netbuf = netbufs[seen];
      const length = lengths[seen];
      seen = seen + 1 | 0;
      const header = netbuf.data - headerBytes | 0;
      if (length < shortest || length > (netbuf.end - header | 0)) {
        this.#dropBadLength(netbuf, length);
        continue;
      }
      netbuf.length = length - headerBytes | 0;
      const buffers = readHeader(netbuf, header);
      if (buffers === 1) {
        bytes = bytes + netbuf.length | 0;
      } else {
        const rest = buffers - 1;
        if (rest < 0 || rest > used - seen) {
          this.drops.rx_bad_buffer_count++;
          netbuf.free();
          // What did come of the frame must not be taken for frames of their own.
          if (rest > 0) {
            this.#drain(netbufs, seen, taken, used);
            seen = used;
          }
          continue;
        }
        const isWhole = this.#gather(netbuf, netbufs, seen, taken, rest);
        seen += rest;
        if (!isWhole) continue;
        bytes += netbuf.chainLength();
      }
      // Where nothing was dropped or merged it lies there already: to store an object costs eight instructions.
      if (received !== (seen - 1 | 0)) netbufs[received] = netbuf;
      received = received + 1 | 0;
    }
    this.totals.add(received, bytes);
    const isMore = used > (seen > taken ? seen : taken);
    this.status = isMore ? NETDEV_STATUS_MORE : 0;
    return received;
  }

  /**
   * Asks for an interrupt; false, and not armed, when packets wait already. Likewise while the device
   * has no buffer at all, as it would never interrupt: the pool is dry, and has to be tried again.
   */
  arm(): boolean {
    const { vq } = this;
    if (!vq.broken) {
      this.fill();
      this.#publish();
      if (vq.free === vq.size) return false;
    }
    return vq.enableInterrupts();
  }

  /**
   * Appends the next `rest` used buffers to the packet; on a bad one drops all of them. They are those of
   * `netbufs[from…]` up to before `to`, and then those that weren't taken yet.
   */
  #gather(head: Netbuf, netbufs: Netbuf[], from: number, to: number, rest: number): boolean {
    let whole = true;
    let tail = head;
    for (let i = from; i < from + rest; i++) {
      // What broke the queue isn't looked at again: it may be another by then.
      const piece = i < to ? netbufs[i] : this.vq.broken ? null : this.vq.takeUsed();
      if (piece === null) {
        head.free();
        return false;
      }
      const length = i < to ? this.#lengths[i] : this.vq.usedLength;
      // Only the first buffer of a packet has a header; the others are data from their start.
      piece.data -= this.headerBytes;
      if (length < 1 || length > piece.end - piece.data) whole = false;
      piece.length = whole ? length : 0;
      tail.next = piece;
      tail = piece;
    }
    if (whole) return true;
    this.drops.rx_bad_length++;
    head.free();
    return false;
  }

  /** A length that can't be is either no frame's, or more than the buffer takes. */
  #dropBadLength(netbuf: Netbuf, length: number): void {
    if (length < this.#shortestLength) this.drops.rx_too_short++;
    else this.drops.rx_bad_length++;
    netbuf.free();
  }

  /** Frees used buffers unseen: `netbufs[from…]` up to before `to`, and then the others of `used`. */
  #drain(netbufs: Netbuf[], from: number, to: number, used: number): void {
    for (let i = from; i < to; i++) netbufs[i].free();
    for (let i = to; i < used && !this.vq.broken; i++) this.vq.takeUsed()?.free();
  }

  #publish(): void {
    if (this.#doorbell === null || this.vq.unpublished === 0) return;
    if (this.vq.publish()) {
      this.kicks++;
      this.#doorbell.ring();
    } else {
      this.kicksSuppressed++;
    }
  }
}
