import type { QueueDoorbell, VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { NetbufOracle } from "./netbuf_oracle.ts";
import type { HostileRing, LentBuffer } from "./hostile_ring.ts";
import { HostilePackedRing } from "./hostile_packed_ring.ts";
import { HostileSplitRing } from "./hostile_split_ring.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED } from "./ring_device.ts";
import { HDR_BYTES, VIRTIO_NET_F_MRG_RXBUF, VirtioNetModel } from "./virtio_net_model.ts";

export const RECEIVEQ = 0;
export const TRANSMITQ = 1;

/** What the card left in a buffer that it was lent: nobody else may write there meanwhile. */
const MARK = 0xab1e;
const HDR_NUM_BUFFERS = 10;

/** Device status (virtio 1.2 §2.1). */
const DRIVER_OK = 4;

/** A lie about a frame that is received. */
export interface ReceiveLie {
  /** Added to the length that is told of the first buffer. */
  readonly lengthBy?: number;
  readonly length?: number;
  readonly numBuffers?: number;
}

/**
 * A network card that works, and does anything else that it's told to: the far side of a driver that
 * must survive it. It looks at all that the driver lends before it does a thing, tells the
 * {@link oracle} of it, and sees whether the driver leaves what it lent alone.
 */
export class HostileCard extends VirtioNetModel {
  oracle: NetbufOracle | null = null;
  /** Its queues, while it may touch memory. */
  readonly queues: (HostileRing | null)[] = [null, null];
  /** Called for each notification, in the middle of the driver's call. */
  onKick: (queue: number) => void = () => {};
  /** Called for each queue that is set up, in the middle of the driver's call. */
  onQueue: (index: number) => void = () => {};
  /** Interrupts that are due don't come. */
  mute = false;
  /** One didn't, or the driver's wish for one was lost. */
  owesInterrupt = false;
  /** How often it lost what it had: by resets, or for good. */
  epoch = 0;
  /** Frames that it sent, the last ones. */
  readonly sent: Uint8Array[] = [];
  /** Buffers to send that it keeps to itself. */
  readonly #held = new Set<LentBuffer>();
  /** Buffers that it wrote to itself. */
  readonly #written = new WeakSet<LentBuffer>();
  readonly #sums = new WeakMap<LentBuffer, number>();
  /** Queues that it was notified of, or looks at anyway. */
  readonly #told = [false, false];
  #resetting = false;
  #driverOk = false;
  #wantsReset = false;

  override queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.onQueue(index);
    const doorbell = super.queueEnable(index, addresses);
    this.queues[index] = this.#ring(addresses);
    this.#told[index] = false;
    return {
      ring: () => {
        doorbell.ring();
        this.#told[index] = true;
        this.calls.length = 0;
        this.collect();
        this.onKick(index);
      },
    };
  }

  override statusWrite(status: number): void {
    super.statusWrite(status);
    this.calls.length = 0;
    this.#driverOk = (status & DRIVER_OK) !== 0;
    if (status === 0) this.#resetting = true;
  }

  /** §2.4.1: until it has said so it isn't reset, and may use its buffers. */
  override statusRead(): number {
    const status = super.statusRead();
    if (this.#resetting && status === 0) this.#lose();
    return status;
  }

  override shutdown(): void {
    super.shutdown();
    this.#lose();
  }

  /** It does nothing more until it's reset (§2.1.2). */
  override needReset(): void {
    this.#wantsReset = true;
    super.needReset();
  }

  /** Is pulled out. */
  go(): void {
    this.gone = true;
    this.#lose();
  }

  /** A queue that is set up, of a card that may use it (§3.1.1). */
  live(index: number): HostileRing | null {
    if (this.gone || this.#resetting || this.#wantsReset) return null;
    return this.#driverOk ? this.queues[index] : null;
  }

  /** Looks at what the driver lent since the last time. */
  collect(): void {
    this.queues.forEach((ring, index) => {
      if (ring === null) return;
      for (const buffer of ring.collect((returned) => this.oracle?.returned(returned))) {
        this.oracle?.lent(ring, buffer, index === RECEIVEQ);
        if (index === RECEIVEQ) this.#mark(buffer);
        else this.#sums.set(buffer, this.#sum(buffer));
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
    const ring = this.live(RECEIVEQ);
    if (ring === null) return false;
    const mergeable = (this.accepted & VIRTIO_NET_F_MRG_RXBUF) !== 0n;
    const buffers = this.usable(RECEIVEQ, mergeable ? ring.size : 1);
    const bytes = new Uint8Array(HDR_BYTES + frame.length);
    bytes.set(frame, HDR_BYTES);
    let count = 0;
    for (let room = 0; room < bytes.length; count++) {
      if (count === buffers.length) return false;
      room += buffers[count].pieces[0].length;
    }
    const numBuffers = lie.numBuffers ?? count;
    bytes[HDR_NUM_BUFFERS] = numBuffers & 0xff;
    bytes[HDR_NUM_BUFFERS + 1] = numBuffers >>> 8;
    let from = 0;
    for (const buffer of buffers.slice(0, count)) {
      const [{ offset, length }] = buffer.pieces;
      this.#checkMark(buffer);
      const piece = bytes.subarray(from, from + length);
      this.region.u8.set(piece, offset);
      const told = from === 0 ? lie.length ?? piece.length + (lie.lengthBy ?? 0) : piece.length;
      ring.put(buffer.head, told >>> 0);
      from += piece.length;
    }
    this.show(RECEIVEQ);
    return true;
  }

  /**
   * As a good card does: receives a frame, and when it has no buffer it asks to be notified of one, and
   * doesn't look again before it is.
   */
  deliverWhenTold(frame: Uint8Array): boolean {
    if (!this.#told[RECEIVEQ]) return false;
    if (this.deliver(frame)) return true;
    this.live(RECEIVEQ)?.wantKicks(true);
    if (this.deliver(frame)) return true;
    this.#told[RECEIVEQ] = false;
    return false;
  }

  /** As a good card does: sends all that it was notified of, or asks for a reset. */
  sendWhenTold(): void {
    const lost = this.queues.some((ring) => ring?.lostTrack === true);
    if (lost && !this.#wantsReset) this.needReset();
    const ring = this.live(TRANSMITQ);
    if (ring === null || !this.#told[TRANSMITQ]) return;
    this.#told[TRANSMITQ] = false;
    do ring.wantKicks(true); while (this.send(ring.size) > 0);
  }

  /** Sends up to `count` frames, in any order by `from`; where there's an order, `from` 1 is a batch. */
  send(count: number, from = 0): number {
    const ring = this.live(TRANSMITQ);
    if (ring === null) return 0;
    const buffers = this.usable(TRANSMITQ, count);
    const first = ring.inOrder ? 0 : from;
    const batch = ring.inOrder && from > 0 && buffers.length > 1;
    buffers.forEach((_, i) => {
      const buffer = buffers[(i + first) % buffers.length];
      this.#send(buffer);
      if (!batch) ring.put(buffer.head, 0);
    });
    if (batch) ring.putBatch(buffers.map(({ head }) => head), 0);
    if (buffers.length > 0) this.show(TRANSMITQ);
    return buffers.length;
  }

  /** Keeps frames to itself that it was to send. */
  hold(count: number): void {
    if (this.live(TRANSMITQ)?.inOrder === true) return;
    for (const buffer of this.usable(TRANSMITQ, count)) this.#held.add(buffer);
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
    this.onKick = this.onQueue = () => {};
    this.#held.clear();
    this.config.set(config);
    for (const ring of this.queues) ring?.wantKicks(true);
    this.#told.fill(true);
  }

  #ring(addresses: VirtqueueAddresses): HostileRing {
    const has = (feature: bigint): boolean => (this.accepted & feature) !== 0n;
    const Ring = has(VIRTIO_F_RING_PACKED) ? HostilePackedRing : HostileSplitRing;
    const inOrder = has(VIRTIO_F_IN_ORDER);
    return new Ring(this.region, addresses, has(VIRTIO_F_EVENT_IDX), inOrder);
  }

  #lose(): void {
    this.#resetting = false;
    this.#wantsReset = false;
    this.queues.fill(null);
    this.#held.clear();
    this.oracle?.wipe();
    this.owesInterrupt = false;
    this.epoch++;
  }

  #mark({ pieces: [{ offset, length }] }: LentBuffer): void {
    this.region.u16[offset >>> 1] = MARK;
    this.region.u16[(offset + length - 2) >>> 1] = MARK;
  }

  #checkMark(buffer: LentBuffer): void {
    if (this.#written.has(buffer)) return;
    this.#written.add(buffer);
    const [{ offset, length }] = buffer.pieces;
    const { u16 } = this.region;
    const first = u16[offset >>> 1];
    const last = u16[(offset + length - 2) >>> 1];
    if (first === MARK && last === first) return;
    throw new Error(`the driver has written into the buffer at ${offset}, which it had lent`);
  }

  #send(buffer: LentBuffer): void {
    if (this.#sums.get(buffer) !== this.#sum(buffer)) {
      throw new Error(`the driver has changed frame ${buffer.head} after it was to be sent`);
    }
    const bytes: number[] = [];
    for (const { offset, length } of buffer.pieces) {
      for (let at = offset; at < offset + length; at++) bytes.push(this.region.u8[at]);
    }
    for (let i = 0; i < HDR_BYTES; i++) {
      if (bytes[i] !== 0) throw new Error(`byte ${i} of a frame's header is ${bytes[i]}`);
    }
    if (bytes.length < HDR_BYTES + 14 || bytes.length > HDR_BYTES + 1514) {
      throw new Error(`a frame of ${bytes.length - HDR_BYTES} bytes is to be sent`);
    }
    this.sent.push(Uint8Array.from(bytes.slice(HDR_BYTES)));
    if (this.sent.length > 64) this.sent.shift();
  }

  #sum({ pieces }: LentBuffer): number {
    const { u8 } = this.region;
    let sum = 0;
    for (const { offset, length } of pieces) {
      for (let at = offset; at < offset + length; at++) sum = Math.imul(sum, 31) + u8[at] | 0;
    }
    return sum;
  }
}
