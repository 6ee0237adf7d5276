import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import type { DeviceRing } from "../../tests/device/vhost_user/device_ring.ts";
import { FrameDevice } from "../../tests/device/vhost_user/frame_device.ts";
import type { GuestMemory } from "../../tests/device/vhost_user/guest_memory.ts";
import type { Vring } from "../../tests/device/vhost_user/vring.ts";
import type { Latencies } from "./generator_latencies.ts";
import * as generatorReplies from "./generator_replies.ts";
import * as generatorRequests from "./generator_requests.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { OTHER, REPLY } = generatorReplies;
const { NET_HEADER_BYTES } = generatorRequests;

const ETHERNET_HEADER_BYTES = 14;

/** Looks at the ring for buffers that the driver hasn't posted again yet. */
const LOOKS_MAX = 100_000_000;

/** Is given a copy of a frame that is no echo reply. */
export type OtherFrameHandler = (port: GeneratorPort, frame: Uint8Array<ArrayBuffer>) => void;

/** What goes out by a port, and what is made of what comes in. */
export interface PortTraffic {
  readonly requests: generatorRequests.EchoRequests;
  readonly replies: generatorReplies.EchoReplies;
  /** Only when each reply is timed. */
  readonly latencies: Latencies | null;
}

/** A receive queue and a transmit queue, and the rings that they have now. */
export interface QueuePair {
  readonly vrings: readonly [Vring, Vring];
  readonly rings: readonly [DeviceRing, DeviceRing];
}

/** One pair of queues: requests go into the receive queue, replies come out of the transmit queue. */
export class GeneratorPort {
  /** Requests without a reply. */
  outstanding = 0;
  /** Requests sent in all, and frames that are no replies. */
  sent = 0;
  others = 0;
  /** Which of them are answered: each port numbers its own, so that none can overtake another. */
  readonly replies: generatorReplies.EchoReplies;
  readonly #rx: DeviceRing;
  readonly #tx: DeviceRing;
  readonly #rxVring: Vring;
  readonly #txVring: Vring;
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #device: FrameDevice;
  readonly #requests: generatorRequests.EchoRequests;
  readonly #latencies: Latencies | null = null;
  #number = 0;
  readonly #onOther: OtherFrameHandler;

  constructor(
    memory: GuestMemory,
    { vrings, rings }: QueuePair,
    mergeable: boolean,
    traffic: PortTraffic,
    onOther: OtherFrameHandler,
  ) {
    [this.#rxVring, this.#txVring] = vrings;
    [this.#rx, this.#tx] = rings;
    this.#u16 = memory.u16;
    this.#device = new FrameDevice(memory, mergeable);
    this.#requests = traffic.requests;
    this.replies = traffic.replies;
    this.#latencies = traffic.latencies;
    this.#onOther = onOther;
  }

  /** Entries of the smaller one of its rings. */
  get size(): number {
    return Math.min(this.#rx.size, this.#tx.size);
  }

  /** Whether these are still the rings of the front-end, and run. */
  get runs(): boolean {
    return this.#rxVring.ring === this.#rx && this.#txVring.ring === this.#tx;
  }

  /** What the front-end kicks by, null where it can't: of the receive queue, and the transmit queue. */
  get kickFds(): (number | null)[] {
    return [this.#rxVring.kickFd, this.#txVring.kickFd];
  }

  /** Asks for a kick about what comes next, in both rings. */
  wantKicks(): void {
    this.#rx.wantKicks(true);
    this.#tx.wantKicks(true);
  }

  /** Whether a frame has come in. */
  get waiting(): boolean {
    return this.#tx.ready();
  }

  /** Takes at most `max` frames in, and says how many came. */
  take(max: number): number {
    const tx = this.#tx;
    const before = this.replies.replies;
    let taken = 0;
    while (taken < max && tx.ready()) {
      tx.next();
      this.#takeFrame(tx);
      tx.use(0);
      taken++;
    }
    if (taken === 0) return 0;
    this.outstanding -= this.replies.replies - before;
    if (tx.publish()) this.#txVring.call();
    return taken;
  }

  /** Sends requests, at most `count`: as many as there are buffers. How many. */
  send(count: number): number {
    let sent = 0;
    while (sent < count && this.#rx.ready()) {
      this.#sendOne();
      sent++;
    }
    this.#publish(sent);
    return sent;
  }

  /** Sends exactly `count`, which the driver sees at once, waiting for buffers if need be. */
  sendBurst(count: number): void {
    for (let sent = 0; sent < count; sent++) {
      for (let looks = 0; !this.#rx.ready(); looks++) {
        if (looks === LOOKS_MAX) throw new BackEndError("the driver posts no buffers");
      }
      this.#sendOne();
    }
    this.#publish(count);
  }

  /** Sends a frame that isn't a request; whether there was a buffer for it. */
  sendFrame(frame: Uint8Array): boolean {
    if (!this.#rx.ready()) return false;
    this.#device.deliver(this.#rx, frame);
    if (this.#rx.publish()) this.#rxVring.call();
    return true;
  }

  /** Gives up what is on its way. */
  giveUp(): void {
    this.replies.giveUp();
    this.outstanding = 0;
  }

  #sendOne(): void {
    const n = this.#number;
    this.#number = (n + 1) & 0x7fff_ffff;
    const rx = this.#rx;
    const requests = this.#requests;
    rx.next();
    const { offset, length } = rx;
    if (rx.pieces === 1 && rx.readable === 0 && requests.fits(offset, length)) {
      requests.write(offset, n);
      rx.use(requests.byteLength);
    } else {
      this.#device.putIntoTaken(rx, requests.frame(n));
    }
    this.replies.sent(n);
    if (this.#latencies !== null) this.#latencies.sent(this.replies.slot);
  }

  #publish(sent: number): void {
    if (sent === 0) return;
    this.sent += sent;
    this.outstanding += sent;
    if (this.#rx.publish()) this.#rxVring.call();
  }

  #takeFrame(tx: DeviceRing): void {
    const { offset, length } = tx;
    const isPlain = tx.pieces === 1 && tx.readable === 1 && (offset & 1) === 0 &&
      length >= NET_HEADER_BYTES + ETHERNET_HEADER_BYTES;
    if (!isPlain) {
      this.#takeCopy(tx);
      return;
    }
    const frame = (offset + NET_HEADER_BYTES) >>> 1;
    const kind = this.replies.take(this.#u16, frame, length - NET_HEADER_BYTES);
    if (kind === OTHER) this.#other(tx);
    else if (kind === REPLY && this.#latencies !== null) {
      this.#latencies.replied(this.replies.slot);
    }
  }

  /** A frame in pieces, or at an odd address. */
  #takeCopy(tx: DeviceRing): void {
    const frame = this.#device.taken(tx);
    const padded = new Uint8Array((frame.length + 64) & ~1);
    padded.set(frame);
    const kind = this.replies.take(new Uint16Array(padded.buffer), 0, frame.length);
    if (kind === OTHER) this.#other(tx);
    else if (kind === REPLY && this.#latencies !== null) {
      this.#latencies.replied(this.replies.slot);
    }
  }

  #other(tx: DeviceRing): void {
    this.others++;
    this.#onOther(this, this.#device.taken(tx));
  }
}
