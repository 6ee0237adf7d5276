import { waitReadable } from "../../drivers/ffi/fd_waiter.ts";
import type { UnixSocket } from "../../drivers/ffi/unix_socket.ts";

const LENGTH_BYTES = 4;
const LONGEST_FRAME = 1 << 16;

/** A place on the appliance's network where a test sends and receives frames. */
export interface FramePort extends Disposable {
  /** Sends a frame, which must not change any more, waiting while the other side is slow. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** The next frame, good until the next call; null when none comes for so long, or ever again. */
  next(silenceMs: number): Uint8Array | null;
  /** Whether frames that were sent wait for the other side to take them. */
  sendPending(): boolean;
  /** Whether the other side has closed the connection, as `next` found. */
  readonly closed: boolean;
}

/** A port over a stream socket with QEMU's framing. */
export class StreamPort implements FramePort {
  closed = false;
  readonly #socket: UnixSocket;
  readonly #received = new Uint8Array(2 * LONGEST_FRAME);
  /** What was sent before behind its length: a flood sends the same arrays again and again. */
  readonly #framed = new WeakMap<Uint8Array, Uint8Array<ArrayBuffer>>();
  #headerSent: number;
  #start = 0;
  #end = 0;

  /** Takes over `socket`. `headerSent`: bytes of the first frame's length that were sent already. */
  constructor(socket: UnixSocket, headerSent = 0) {
    this.#socket = socket;
    this.#headerSent = headerSent;
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    const framed = this.#framedOnce(frame);
    this.#socket.send(this.#headerSent === 0 ? framed : framed.slice(this.#headerSent));
    this.#headerSent = 0;
  }

  sendPending(): boolean {
    return this.#socket.sendPending();
  }

  next(silenceMs: number): Uint8Array | null {
    for (;;) {
      const available = this.#end - this.#start;
      if (available >= LENGTH_BYTES) {
        const buffer = this.#received;
        const length = buffer[this.#start + 2] << 8 | buffer[this.#start + 3];
        if (available >= LENGTH_BYTES + length) {
          const from = this.#start + LENGTH_BYTES;
          this.#start = from + length;
          return buffer.subarray(from, from + length);
        }
      }
      this.#received.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = available;
      if (!waitReadable(this.#socket.fd, silenceMs)) return null;
      const room = this.#received.length - this.#end;
      const count = this.#socket.receiveAt(this.#received, this.#end, room);
      if (count === 0) {
        this.closed = true;
        return null;
      }
      if (count > 0) this.#end += count;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #framedOnce(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const before = this.#framed.get(frame);
    if (before !== undefined) return before;
    const framed = new Uint8Array(LENGTH_BYTES + frame.length);
    framed.set([0, 0, frame.length >>> 8, frame.length & 0xff]);
    framed.set(frame, LENGTH_BYTES);
    this.#framed.set(frame, framed);
    return framed;
  }
}

/** A port over a packet socket: a message is a frame. */
export class PacketPort implements FramePort {
  readonly closed = false;
  readonly #socket: UnixSocket;
  readonly #received = new Uint8Array(LONGEST_FRAME);

  /** Takes over `socket`. */
  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame);
  }

  sendPending(): boolean {
    return false;
  }

  next(silenceMs: number): Uint8Array | null {
    if (!waitReadable(this.#socket.fd, silenceMs)) return null;
    const length = this.#socket.receiveAt(this.#received, 0, this.#received.length);
    return length < 0 ? null : this.#received.subarray(0, length);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
