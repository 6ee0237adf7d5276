import {
  LEGACY_HDR_BYTES,
  type ReceiveLie,
  sentFrame,
  writeReceiveHeader,
} from "./hostile_header.ts";
import { HostileCardQueues } from "./hostile_card_queues.ts";
import type { LentBuffer } from "./hostile_ring.ts";
import { LentContents } from "./lent_contents.ts";
import { VIRTIO_F_VERSION_1 } from "./virtio_model.ts";
import { VIRTIO_NET_F_CSUM, VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";

/**
 * A network card that works, and does anything else that it's told to: the far side of a driver that
 * must survive it. It looks at all that the driver lends before it does a thing, tells the
 * {@link oracle} of it, and sees whether the driver leaves what it lent alone.
 */
export class HostileCard extends HostileCardQueues {
  /** Frames that it sent, the last ones. */
  readonly sent: Uint8Array[] = [];
  /** Buffers to send that it keeps to itself. */
  readonly #held = new Set<LentBuffer>();
  readonly #contents = new LentContents(this.region);

  /** The receive queue of the pair that it works on now, and its transmit queue. */
  get receiveq(): number {
    return 2 * this.pair;
  }

  get transmitq(): number {
    return 2 * this.pair + 1;
  }

  /** Legacy devices have one without num_buffers (§5.1.6.1). */
  override get headerBytes(): number {
    const legacy = (this.accepted & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF)) === 0n;
    return legacy ? LEGACY_HDR_BYTES : super.headerBytes;
  }

  override collect(): void {
    this.queues.forEach((ring, index) => {
      if (ring === null) return;
      const receives = index % 2 === 0;
      for (const buffer of ring.collect((returned) => this.oracle?.returned(returned))) {
        this.oracle?.lent(ring, buffer, receives);
        if (receives) this.#contents.mark(buffer);
        else this.#contents.remember(buffer);
      }
    });
  }

  /** Buffers of a queue that it may use, the oldest first, up to `count`. */
  usable(index: number, count: number): LentBuffer[] {
    const ring = this.live(index);
    const buffers: LentBuffer[] = [];
    if (ring === null) return buffers;
    this.collect();
    for (const buffer of ring.lent.values()) {
      if (buffers.length === count) break;
      if (ring.claims(buffer.head) === 0 && !this.#held.has(buffer)) buffers.push(buffer);
    }
    return buffers;
  }

  /** Receives a frame, and tells of it as it is or not. False when it has no buffers for it. */
  deliver(frame: Uint8Array, lie: ReceiveLie = {}): boolean {
    const ring = this.live(this.receiveq);
    if (ring === null) return false;
    const mergeable = (this.accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    const buffers = this.usable(this.receiveq, mergeable ? ring.size : 1);
    const { headerBytes } = this;
    const bytes = new Uint8Array(headerBytes + frame.length);
    bytes.set(frame, headerBytes);
    let count = 0;
    for (let room = 0; room < bytes.length; count++) {
      if (count === buffers.length) return false;
      room += buffers[count].pieces[0].length;
    }
    writeReceiveHeader(bytes, headerBytes, lie, count);
    let from = 0;
    for (const buffer of buffers.slice(0, count)) {
      const [{ offset, length }] = buffer.pieces;
      this.#contents.checkMark(buffer);
      const piece = bytes.subarray(from, from + length);
      this.region.u8.set(piece, offset);
      const told = from === 0 ? lie.length ?? piece.length + (lie.lengthBy ?? 0) : piece.length;
      ring.put(buffer.head, told >>> 0);
      from += piece.length;
    }
    this.show(this.receiveq);
    return true;
  }

  /**
   * As a good card does: receives a frame, and when it has no buffer it asks to be notified of one, and
   * doesn't look again before it is. Pairs that it wasn't told to use it doesn't.
   */
  deliverWhenTold(frame: Uint8Array): boolean {
    if (!this.told[this.receiveq] || this.pair >= this.pairsInUse) return false;
    if (this.deliver(frame)) return true;
    this.live(this.receiveq)?.wantKicks(true);
    if (this.deliver(frame)) return true;
    this.told[this.receiveq] = false;
    return false;
  }

  /** As a good card does: sends all that it was notified of, or asks for a reset. */
  sendWhenTold(): void {
    const lost = this.queues.some((ring) => ring?.lostTrack === true);
    if (lost && !this.wantsReset) this.needReset();
    const ring = this.live(this.transmitq);
    if (ring === null || !this.told[this.transmitq]) return;
    this.told[this.transmitq] = false;
    do ring.wantKicks(true); while (this.send(ring.size) > 0);
  }

  /** Sends up to `count` frames, in any order by `from`; where there's an order, `from` 1 is a batch. */
  send(count: number, from = 0): number {
    const ring = this.live(this.transmitq);
    if (ring === null) return 0;
    const buffers = this.usable(this.transmitq, count);
    const first = ring.inOrder ? 0 : from;
    const batch = ring.inOrder && from > 0 && buffers.length > 1;
    buffers.forEach((_, i) => {
      const buffer = buffers[(i + first) % buffers.length];
      this.#send(buffer);
      if (!batch) ring.put(buffer.head, 0);
    });
    if (batch) ring.putBatch(buffers.map(({ head }) => head), 0);
    if (buffers.length > 0) this.show(this.transmitq);
    return buffers.length;
  }

  /** Keeps frames to itself that it was to send. */
  hold(count: number): void {
    if (this.live(this.transmitq)?.inOrder === true) return;
    for (const buffer of this.usable(this.transmitq, count)) this.#held.add(buffer);
  }

  /** Lets the driver see what was put, and interrupts it where it wants that. */
  show(index: number): void {
    if (this.live(index)?.show() !== true) return;
    if (this.mute) this.owesInterrupt = true;
    else this.interrupt(index);
  }

  /** Is a good card again: it knows what it has, and its configuration is `config`. */
  reform(config: Uint8Array): void {
    this.script = {};
    this.mute = false;
    this.control.script = {};
    this.control.commands.length = 0;
    this.onKick = this.onQueue = this.onStatus = () => {};
    this.#held.clear();
    this.config.set(config);
    for (const ring of this.queues) ring?.wantKicks(true);
    this.told.fill(true);
  }

  protected override lose(): void {
    super.lose();
    this.#held.clear();
  }

  #send(buffer: LentBuffer): void {
    this.#contents.checkUnchanged(buffer);
    const bytes = new Uint8Array(buffer.pieces.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const { offset, length } of buffer.pieces) {
      bytes.set(this.region.u8.subarray(offset, offset + length), end);
      end += length;
    }
    const completes = (this.accepted & VIRTIO_NET_F_CSUM) !== 0n;
    this.sent.push(sentFrame(bytes, this.headerBytes, completes));
    if (this.sent.length > 64) this.sent.shift();
  }
}
