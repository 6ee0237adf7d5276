import { burstArray } from "../../netdev/burst_array.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import { declareDropReasons, dropCounters } from "../../netdev/drop_reasons.ts";
import * as netbufs from "../../netdev/netbuf.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetdevQueueCounters, NetdevRingStats } from "../../netdev/netdev_stats.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import { PacketTotals } from "./packet_totals.ts";
import { clearHeader, type TransmitHeaderWriter, transmitHeaderWriter } from "./transmit_header.ts";
import * as virtioNetChecksum from "./virtio_net_checksum.ts";
import * as virtioNetHeader from "./virtio_net_header.ts";
import type { QueueDoorbell } from "./virtio_transport.ts";
import type { Virtqueue } from "./virtqueue.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { NETBUF_F_PARTIAL_CSUM } = netbufs;
const { isChecksumInside, writeChecksum } = virtioNetChecksum;
const { ETHERNET_HEADER_BYTES, virtioNetHeaderBytes, VLAN_TAG_BYTES } = virtioNetHeader;

declareDropReasons("virtio-net", {
  tx_bad_headroom: "to be sent without room for virtio's header in front, or at an odd address",
  tx_bad_checksum_offset: "to be sent with a checksum to be completed outside its first netbuf",
  tx_timeout: "held by a transmit queue that stood still, when it was reset",
}, ["tx_bad_headroom", "tx_bad_checksum_offset"]);

/** The type of a VLAN tag (IEEE 802.1Q), in our byte order. */
const VLAN_TAG_TYPE = 0x0081;
const ETHER_TYPE_OFFSET = 12;

/**
 * The transmit side: lends packets to the device, with a header in their headroom, and frees them
 * when it gives them back. It asks for no interrupts: what was sent is taken back on the way.
 */
export class VirtioNetTx implements NetdevQueueCounters {
  readonly vq: Virtqueue<Netbuf>;

  readonly totals: PacketTotals = new PacketTotals();
  kicks = 0;
  kicksSuppressed = 0;
  readonly drops = dropCounters(
    "tx_too_short",
    "tx_too_long",
    "tx_too_many_pieces",
    "tx_foreign",
    "tx_bad_headroom",
    "tx_bad_checksum_offset",
    "tx_timeout",
  );
  /** Packets that the device gave back. */
  completed = 0;

  readonly #region: DmaRegion;
  readonly #headerBytes: number = 0;
  readonly #writeHeader: TransmitHeaderWriter;
  /** Those that come back in the burst under way. */
  readonly #sent: Netbuf[];
  readonly #checksums: boolean = false;
  #maxFrame: number = 0;
  #doorbell: QueueDoorbell | null = null;

  /** Sends netbufs that lie in `region`, as the ring does, with packets of up to `mtu` bytes. */
  constructor(vq: Virtqueue<Netbuf>, region: DmaRegion, negotiated: FeatureSet, mtu: number) {
    this.vq = vq;
    this.#region = region;
    this.#sent = burstArray(vq.size);
    this.#headerBytes = virtioNetHeaderBytes(negotiated);
    this.#writeHeader = transmitHeaderWriter(negotiated);
    this.#checksums = hasFeature(negotiated, "VIRTIO_NET_F_CSUM");
    this.setMtu(mtu);
  }

  /** Sets the longest packet that may be sent, without its Ethernet header. */
  setMtu(mtu: number): void {
    this.#maxFrame = ETHERNET_HEADER_BYTES + mtu;
  }

  get packets(): number {
    return this.totals.packets;
  }

  get bytes(): number {
    return this.totals.bytes;
  }

  /** How full of packets to send the device is. */
  get ring(): NetdevRingStats {
    const { size, free } = this.vq;
    return { size, used: size - free };
  }

  /** The queue is live from here on. */
  start(doorbell: QueueDoorbell): void {
    this.#doorbell = doorbell;
    this.vq.disableInterrupts();
  }

  /** Notifies the device again when it holds packets: the first time may have got lost. */
  remind(): void {
    if (this.vq.free === this.vq.size || this.#doorbell === null) return;
    this.kicks++;
    this.#doorbell.ring();
  }

  /**
   * Takes back what a device holds that was reset, and makes the queue ready to be used again. How
   * many packets that were.
   */
  stop(): number {
    this.#doorbell = null;
    let count = 0;
    for (let netbuf = this.vq.reclaim(); netbuf !== null; netbuf = this.vq.reclaim()) {
      netbuf.free();
      count++;
    }
    this.vq.reset();
    return count;
  }

  /** Lends up to `count` packets of `netbufs[from…]`, notifies once, and says how many were taken. */
  burst(netbufs: Netbuf[], from: number, count: number): number {
    const { vq } = this;
    if (vq.free < count) this.reclaim();
    let taken = 0;
    while (taken < count) {
      taken += this.#postPlain(netbufs, from + taken, count - taken);
      if (taken === count || !this.#takeOther(netbufs[from + taken])) break;
      taken++;
    }
    this.#publish();
    return taken;
  }

  /**
   * Lends the packets of `netbufs[from…]` up to the first one that isn't as nearly all are: in one netbuf,
   * where an Ethernet header belongs, nothing wrong with it and room for it. Says how many.
   */
  #postPlain(netbufs: Netbuf[], from: number, count: number): number {
    const { vq } = this;
    const region = this.#region;
    const headerBytes = this.#headerBytes;
    const maxFrame = this.#maxFrame;
    const writeHeader = this.#writeHeader;
    const room = vq.free;
    const most = count < room ? count : room;
    let posted = 0;
    let bytes = 0;
    for (; posted < most; posted = posted + 1 | 0) {
      const netbuf = netbufs[from + posted | 0];
      const { data, length } = netbuf;
      if (netbuf.next !== null || netbuf.region !== region || netbuf.flags !== 0) break;
      if (length < ETHERNET_HEADER_BYTES || length > maxFrame || (data & 3) !== 2) break;
      const start = data - headerBytes | 0;
      if (start < netbuf.start) break;
      writeHeader(region, start);
      bytes = bytes + length | 0;
    }
    if (posted === 0) return 0;
    vq.postBurst(netbufs, from, posted, headerBytes, false);
    this.totals.add(posted, bytes);
    return posted;
  }

  /** Lends any packet, or drops it for what's wrong with it; false when there's no room. */
  #takeOther(netbuf: Netbuf): boolean {
    const { vq } = this;
    const length = netbuf.chainLength();
    const parts = pieces(netbuf);
    if (!netbuf.liesIn(this.#region)) {
      this.drops.tx_foreign++;
      netbuf.free();
    } else if (!this.#lengthFits(netbuf, length) || parts > vq.size) {
      this.#dropBadLength(netbuf, length);
    } else if (netbuf.headroom < this.#headerBytes || (netbuf.data & 1) !== 0) {
      this.drops.tx_bad_headroom++;
      netbuf.free();
    } else if (this.#checksums && !this.#checksumFits(netbuf)) {
      this.drops.tx_bad_checksum_offset++;
      netbuf.free();
    } else {
      const descriptors = vq.descriptorsFor(parts);
      if (vq.free < descriptors && this.reclaim() < descriptors) return false;
      this.#post(netbuf);
      this.totals.add(1, length);
    }
    return true;
  }

  /** Frees what the device has sent; says how many one-piece packets fit now. */
  reclaim(): number {
    const { vq } = this;
    const used = vq.usedCount();
    this.completed += used;
    if (used > 0) {
      const sent = this.#sent;
      const taken = vq.takeBurst(sent, null, used);
      if (taken > 0) sent[0].owner.freeBurst(sent, taken);
    }
    return vq.free;
  }

  /** The device must not be sent more than its MTU (virtio 1.2 §5.1.4.2). */
  #lengthFits(netbuf: Netbuf, length: number): boolean {
    if (length <= this.#maxFrame) return length >= ETHERNET_HEADER_BYTES;
    const tagged = netbuf.length >= ETHERNET_HEADER_BYTES && (netbuf.data & 1) === 0 &&
      netbuf.region.u16[(netbuf.data + ETHER_TYPE_OFFSET) >>> 1] === VLAN_TAG_TYPE;
    return tagged && length <= this.#maxFrame + VLAN_TAG_BYTES;
  }

  /** A device that finds it elsewhere may stop (§5.1.6.2.1). */
  #checksumFits(netbuf: Netbuf): boolean {
    if ((netbuf.flags & NETBUF_F_PARTIAL_CSUM) === 0) return true;
    return isChecksumInside(netbuf, netbuf.csumStart, netbuf.csumOffset);
  }

  #dropBadLength(netbuf: Netbuf, length: number): void {
    if (length < ETHERNET_HEADER_BYTES) this.drops.tx_too_short++;
    else if (!this.#lengthFits(netbuf, length)) this.drops.tx_too_long++;
    else this.drops.tx_too_many_pieces++;
    netbuf.free();
  }

  #post(netbuf: Netbuf): void {
    const { vq } = this;
    const start = netbuf.data - this.#headerBytes;
    clearHeader(netbuf.region, start, this.#headerBytes);
    if (this.#checksums && (netbuf.flags & NETBUF_F_PARTIAL_CSUM) !== 0) {
      writeChecksum(netbuf, start);
    }
    if (netbuf.next === null) {
      vq.post(start, this.#headerBytes + netbuf.length, false, netbuf);
      return;
    }
    vq.stage(start, this.#headerBytes + netbuf.length, false);
    for (let piece: Netbuf | null = netbuf.next; piece !== null; piece = piece.next) {
      // A descriptor of no bytes makes QEMU give up on the device.
      if (piece.length > 0) vq.stage(piece.data, piece.length, false);
    }
    vq.commit(netbuf);
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

function pieces(netbuf: Netbuf): number {
  let count = 1;
  for (let piece = netbuf.next; piece !== null; piece = piece.next) count++;
  return count;
}
