import { ConfigChange } from "../../drivers/virtio/config_change.ts";
import type { QueueDoorbell, VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import type { NetbufOracle } from "./netbuf_oracle.ts";
import {
  LEGACY_HDR_BYTES,
  type ReceiveLie,
  sentFrame,
  writeReceiveHeader,
} from "./hostile_header.ts";
import type { HostileRing, LentBuffer } from "./hostile_ring.ts";
import { HostilePackedRing } from "./hostile_packed_ring.ts";
import { HostileSplitRing } from "./hostile_split_ring.ts";
import { LentContents } from "./lent_contents.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED } from "./ring_device.ts";
import { MultiqueueNetModel } from "./multiqueue_net_model.ts";
import { VIRTIO_F_VERSION_1 } from "./virtio_model.ts";
import { VIRTIO_NET_F_CSUM, VIRTIO_NET_F_MRG_RXBUF } from "./virtio_net_model.ts";

/** ISR status (§4.1.4.5, §4.2.2.1). */
const ISR_QUEUE = 1;
const ISR_CONFIG = 2;

/** Device status (virtio 1.2 §2.1). */
const DRIVER_OK = 4;

/**
 * A network card that works, and does anything else that it's told to: the far side of a driver that
 * must survive it. It looks at all that the driver lends before it does a thing, tells the
 * {@link oracle} of it, and sees whether the driver leaves what it lent alone.
 */
export class HostileCard extends MultiqueueNetModel {
  oracle: NetbufOracle | null = null;
  /** The queues of its pairs, while it may touch memory. */
  readonly queues: (HostileRing | null)[] = new Array<null>(2 * this.pairs).fill(null);
  /** Where it has no vector for an interrupt: what its bus makes of one, by the ISR status. */
  onPin: (isr: number) => void = () => {};
  /** Interrupts that nobody has asked for, by whatever way its bus has. */
  onStray: (isr: number) => void = () => {};
  /** Called for each status that is written, in the middle of the driver's call. */
  onStatus: (status: number) => void = () => {};
  /** Where they lie, and the control queue. */
  readonly places = new Map<number, VirtqueueAddresses>();
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
  readonly #contents = new LentContents(this.region);
  /** Queues that it was notified of, or looks at anyway. */
  readonly #told: boolean[] = this.queues.map(() => false);
  readonly #config = new ConfigChange();
  #resetting = false;
  #driverOk = false;
  #wantsReset = false;

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

  override queueEnable(index: number, addresses: VirtqueueAddresses): QueueDoorbell {
    this.onQueue(index);
    const doorbell = super.queueEnable(index, addresses);
    this.places.set(index, addresses);
    if (index >= this.queues.length) return doorbell;
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
    this.onStatus(status);
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

  /** Changes of configuration are told as a task of their own, as by any transport. */
  override interruptsConnect(
    onConfig: () => void,
    onQueue: readonly ((() => void) | null)[],
  ): void {
    this.#config.connect(onConfig);
    super.interruptsConnect(() => this.#config.note(), onQueue);
  }

  override interruptsDisconnect(): void {
    this.#config.connect(null);
    super.interruptsDisconnect();
  }

  override interrupt(queue: number): void {
    super.interrupt(queue);
    this.onPin(ISR_QUEUE);
  }

  override configChanged(): void {
    super.configChanged();
    this.onPin(ISR_CONFIG);
  }

  /** Interrupts for all queues. */
  interruptAll(): void {
    for (let queue = 0; queue < this.queues.length; queue++) this.interrupt(queue);
  }

  /** Is pulled out. */
  go(): void {
    this.gone = true;
    this.#lose();
  }

  /** Its bus doesn't let it reach memory any more. */
  cut(): void {
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
    if (!this.#told[this.receiveq] || this.pair >= this.pairsInUse) return false;
    if (this.deliver(frame)) return true;
    this.live(this.receiveq)?.wantKicks(true);
    if (this.deliver(frame)) return true;
    this.#told[this.receiveq] = false;
    return false;
  }

  /** As a good card does: sends all that it was notified of, or asks for a reset. */
  sendWhenTold(): void {
    const lost = this.queues.some((ring) => ring?.lostTrack === true);
    if (lost && !this.#wantsReset) this.needReset();
    const ring = this.live(this.transmitq);
    if (ring === null || !this.#told[this.transmitq]) return;
    this.#told[this.transmitq] = false;
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
