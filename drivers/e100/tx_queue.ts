import { dropCounters } from "../../netdev/drop_reasons.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetdevQueueCounters } from "../../netdev/netdev_stats.ts";
import * as actions from "./actions.ts";
import * as commandRing from "./command_ring.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { ACTION_TRANSMIT } = actions;
const { CB_BYTES, CB_DATA } = commandRing;

/** Destination, source and EtherType (IEEE 802.3 §3.1.1): no frame is shorter. */
const ETHERNET_HEADER_BYTES = 14;
/** A VLAN tag (IEEE 802.1Q), and its type in our byte order. */
const VLAN_TAG_BYTES = 4;
const VLAN_TAG_TYPE = 0x0081;
const ETHER_TYPE_OFFSET = 12;

/** Transmit command (8255x manual §6.4.2.5), flexible mode: the frame is where descriptors say. */
const COMMAND_SF = 0x0008;
const TCB_TBD_ARRAY = CB_DATA; // 32
const TCB_BYTE_COUNT = CB_DATA + 4; // 16, 0 in flexible mode
const TCB_THRESHOLD = CB_DATA + 6; // 8, in units of 8 bytes; with the next one as 16
const TCB_TBDS = CB_DATA + 8;

/** No frame begins to be sent before all of it is in the FIFO: it can't run dry then. */
const WHOLE_FRAME = 0xe0;

/** A transmit buffer descriptor: address (32), size (16), and in bit 0 of 16 that it's the last one. */
const TBD_BYTES = 8;
const TBD_EL = 1;

/** Pieces of a frame that there's room to describe behind a block. */
const MAX_PIECES = (CB_BYTES - TCB_TBDS) / TBD_BYTES;

/**
 * The transmit side: lends frames to the controller, each with a command of the ring, and frees them
 * when it has carried that out. It asks for no interrupts: what was sent is taken back on the way.
 */
export class E100Tx implements NetdevQueueCounters {
  readonly ring: commandRing.CommandRing<Netbuf>;

  packets = 0;
  bytes = 0;
  readonly drops = dropCounters(
    "tx_too_short",
    "tx_too_long",
    "tx_too_many_pieces",
    "tx_foreign",
  );

  /** At the last look: commands that were under way, and those that had been carried out. */
  #pendingBefore = 0;
  #completedBefore = 0;

  constructor(ring: commandRing.CommandRing<Netbuf>) {
    this.ring = ring;
  }

  /** Times the command unit was told of new blocks. */
  get kicks(): number {
    return this.ring.kicks;
  }

  /** Takes back what a controller holds that was reset, and makes the ring ready to be used again. */
  stop(): void {
    const { ring } = this;
    for (let netbuf = ring.takeBack(); netbuf !== null; netbuf = ring.takeBack()) netbuf.free();
    ring.reset();
    this.#pendingBefore = 0;
  }

  /**
   * Lends up to `count` frames of `netbufs[from…]`, with packets of up to `mtu` bytes in them, sets the
   * unit going, and says how many were taken.
   */
  burst(netbufs: Netbuf[], from: number, count: number, mtu: number): number {
    const { ring } = this;
    const maxFrame = ETHERNET_HEADER_BYTES + mtu;
    if (ring.free < count) this.reclaim();
    let taken = 0;
    while (taken < count) {
      const netbuf = netbufs[from + taken];
      const length = netbuf.next === null ? netbuf.length : netbuf.chainLength();
      if (!netbuf.liesIn(ring.region)) {
        this.drops.tx_foreign++;
        netbuf.free();
      } else if (!lengthFits(netbuf, length, maxFrame)) {
        if (length < ETHERNET_HEADER_BYTES) this.drops.tx_too_short++;
        else this.drops.tx_too_long++;
        netbuf.free();
      } else if (netbuf.next !== null && hasMorePieces(netbuf, MAX_PIECES)) {
        this.drops.tx_too_many_pieces++;
        netbuf.free();
      } else {
        if (ring.free === 0) break;
        this.#stage(netbuf);
        this.packets++;
        this.bytes += length;
      }
      taken++;
    }
    ring.publish();
    return taken;
  }

  /** Frees what has been sent; says how many frames fit now. */
  reclaim(): number {
    const { ring } = this;
    for (let done = ring.scan(); done > 0; done--) ring.take()?.free();
    return ring.free;
  }

  /**
   * Whether the controller has carried nothing out since the last time this was asked, though there
   * was something to do all the while.
   */
  isStuck(): boolean {
    const { ring } = this;
    ring.scan();
    const stuck = this.#pendingBefore > 0 && ring.completed === this.#completedBefore;
    this.#pendingBefore = ring.pending;
    this.#completedBefore = ring.completed;
    return stuck;
  }

  #stage(netbuf: Netbuf): void {
    const { ring } = this;
    const { region } = ring;
    const { u16, u32 } = region;
    const block = ring.next();
    let tbd = block + TCB_TBDS;
    let pieces = 0;
    for (let piece: Netbuf | null = netbuf; piece !== null; piece = piece.next) {
      if (piece.length === 0) continue;
      u32[tbd >>> 2] = region.deviceAddress(piece.data);
      u16[(tbd + 4) >>> 1] = piece.length;
      u16[(tbd + 6) >>> 1] = 0;
      tbd += TBD_BYTES;
      pieces++;
    }
    u16[(tbd - 2) >>> 1] = TBD_EL;
    u32[(block + TCB_TBD_ARRAY) >>> 2] = region.deviceAddress(block + TCB_TBDS);
    u16[(block + TCB_BYTE_COUNT) >>> 1] = 0;
    u16[(block + TCB_THRESHOLD) >>> 1] = WHOLE_FRAME | pieces << 8;
    ring.stage(ACTION_TRANSMIT | COMMAND_SF, netbuf);
  }
}

/** A frame of the MTU may have a tag as well. */
function lengthFits(netbuf: Netbuf, length: number, maxFrame: number): boolean {
  if (length <= maxFrame) return length >= ETHERNET_HEADER_BYTES;
  const tagged = netbuf.length >= ETHERNET_HEADER_BYTES && (netbuf.data & 1) === 0 &&
    netbuf.region.u16[(netbuf.data + ETHER_TYPE_OFFSET) >>> 1] === VLAN_TAG_TYPE;
  return tagged && length <= maxFrame + VLAN_TAG_BYTES;
}

/** Whether a chain has more than `most` netbufs. */
function hasMorePieces(chain: Netbuf, most: number): boolean {
  let piece: Netbuf | null = chain;
  for (let left = most; left > 0 && piece !== null; left--) piece = piece.next;
  return piece !== null;
}
