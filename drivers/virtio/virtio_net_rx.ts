import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { NetdevQueueCounters, NetdevRingStats } from "../../netdev/netdev_stats.ts";
import * as netdevTypes from "../../netdev/netdev_types.ts";
import type { FeatureSet } from "./features.ts";
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

/**
 * The receive side: keeps the ring full of empty netbufs, and turns used ones into packets. The
 * device writes its header and the frame into one netbuf, such that the frame begins at `data`.
 */
export class VirtioNetRx implements NetdevQueueCounters {
  readonly vq: Virtqueue<Netbuf>;
  readonly onEvent: ((queueId: number) => void) | undefined;
  /** MORE and UNDERRUN after the last burst. */
  status = 0;

  packets = 0;
  bytes = 0;
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
  #doorbell: QueueDoorbell | null = null;

  constructor(
    vq: Virtqueue<Netbuf>,
    pool: NetbufPool,
    negotiated: FeatureSet,
    onEvent?: (queueId: number) => void,
  ) {
    this.vq = vq;
    this.onEvent = onEvent;
    this.#pool = pool;
    this.headerBytes = virtioNetHeaderBytes(negotiated);
    this.#shortestLength = this.headerBytes + ETHERNET_HEADER_BYTES;
    this.#readHeader = receiveHeaderReader(negotiated);
  }

  /** Posts as many netbufs as there are; the device is told of them by {@link kick}. */
  fill(): void {
    const { vq } = this;
    while (vq.free > 0) {
      const netbuf = this.#pool.alloc();
      if (netbuf === null) {
        this.status |= NETDEV_STATUS_UNDERRUN;
        this.underruns++;
        return;
      }
      this.#post(netbuf);
    }
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
    let used = vq.usedCount();
    let received = 0;
    while (used > 0 && received < count) {
      const netbuf = vq.takeUsed();
      if (netbuf === null) break;
      used--;
      const length = vq.usedLength;
      if (!this.#fits(netbuf, length, this.#shortestLength)) {
        this.#dropBadLength(netbuf, length);
        continue;
      }
      netbuf.length = length - this.headerBytes;
      const buffers = this.#readHeader(netbuf, netbuf.data - this.headerBytes);
      if (buffers !== 1) {
        const rest = buffers - 1;
        if (rest < 0 || rest > used) {
          this.drops.rx_bad_buffer_count++;
          netbuf.free();
          // What did come of the frame must not be taken for frames of their own.
          if (rest > 0) {
            this.#drain(used);
            used = 0;
          }
          continue;
        }
        used -= rest;
        if (!this.#gather(netbuf, rest)) {
          // What broke the queue isn't looked at again: it may be another by then.
          if (vq.broken) break;
          continue;
        }
      }
      this.packets++;
      this.bytes += buffers === 1 ? netbuf.length : netbuf.chainLength();
      netbufs[received++] = netbuf;
    }
    this.status = used > 0 ? NETDEV_STATUS_MORE : 0;
    this.fill();
    this.#publish();
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

  /** Appends the next `rest` used buffers to the packet; on a bad one drops all of them. */
  #gather(head: Netbuf, rest: number): boolean {
    let whole = true;
    let tail = head;
    for (let i = 0; i < rest; i++) {
      const piece = this.vq.takeUsed();
      if (piece === null) {
        head.free();
        return false;
      }
      if (!this.#fits(piece, this.vq.usedLength, 1)) whole = false;
      // Only the first buffer of a packet has a header; the others are data from their start.
      piece.data -= this.headerBytes;
      piece.length = whole ? this.vq.usedLength : 0;
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

  /** Frees the next `count` used buffers unseen. */
  #drain(count: number): void {
    for (; count > 0 && !this.vq.broken; count--) this.vq.takeUsed()?.free();
  }

  #post(netbuf: Netbuf): void {
    const start = netbuf.data - this.headerBytes;
    this.vq.post(start, netbuf.end - start, true, netbuf);
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

  /** Whether the device can have written `length` bytes, at least `min`, into an empty netbuf. */
  #fits(netbuf: Netbuf, length: number, min: number): boolean {
    return length >= min && length <= netbuf.end - netbuf.data + this.headerBytes;
  }
}
