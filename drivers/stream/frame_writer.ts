import type { Netbuf } from "../../netdev/netbuf.ts";
import type { UnixSocket } from "../ffi/unix_socket.ts";
import { LENGTH_BYTES } from "./framing.ts";

/** Where a stream stands between two writers: no frame may be cut off in the middle. */
export interface UnsentBytes {
  /** Bytes that the socket did not take. */
  readonly unsent: Uint8Array;
  /** Bytes of the next frame's length that are with the peer already, and are left out. */
  readonly alreadySent: number;
}

/**
 * Gathers frames into a byte stream and sends it as fast as the socket takes it; the rest stays. It
 * works in a piece of a byte array, as `FrameReader` does.
 */
export class FrameWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #end: number;
  #head: number;
  #tail: number;
  #alreadySent: number;

  /** Works in `bytes` from `start` to `end`, and goes on where the stream stands. */
  constructor(bytes: Uint8Array<ArrayBuffer>, start: number, end: number, rest: UnsentBytes) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#head = start;
    this.#tail = start + rest.unsent.length;
    bytes.set(rest.unsent, start);
    this.#alreadySent = rest.alreadySent;
  }

  /** Where the stream stands, for the next writer to go on with. */
  rest(): UnsentBytes {
    const unsent = this.#bytes.slice(this.#head, this.#tail);
    return { unsent, alreadySent: this.#alreadySent };
  }

  /** Bytes that wait to be sent. */
  get pending(): number {
    return this.#tail - this.#head;
  }

  /** Bytes that can be added, the lengths in front of frames included. */
  get room(): number {
    return this.#end - this.#start - this.pending;
  }

  /**
   * Adds one frame: copies the `length` bytes of the chain, which stays the caller's and lies in
   * the same array. False when there is no room.
   */
  append(chain: Netbuf, length: number): boolean {
    if (LENGTH_BYTES + length > this.room) return false;
    if (LENGTH_BYTES + length > this.#end - this.#tail) this.#moveToStart();
    const bytes = this.#bytes;
    let at = this.#tail;
    bytes[at++] = length >>> 24;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    for (let netbuf: Netbuf | null = chain; netbuf !== null; netbuf = netbuf.next) {
      bytes.copyWithin(at, netbuf.data, netbuf.data + netbuf.length);
      at += netbuf.length;
    }
    this.#tail = at;
    if (this.#alreadySent > 0) {
      this.#head += this.#alreadySent;
      this.#alreadySent = 0;
    }
    return true;
  }

  /**
   * Sends what waits by one system call: how many bytes the socket took, -1 when it is full.
   * `ErrnoError` when the peer is gone.
   */
  flush(socket: UnixSocket): number {
    if (this.pending === 0) return 0;
    const sent = socket.sendSome(this.#bytes, this.#head, this.pending);
    if (sent > 0) this.#head += sent;
    if (this.pending === 0) this.clear();
    return sent;
  }

  /** Begins another stream, of which the peer has the first `alreadySent` bytes. */
  restart(alreadySent: number): void {
    this.clear();
    this.#alreadySent = alreadySent;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#head = this.#start;
    this.#tail = this.#start;
  }

  #moveToStart(): void {
    const { pending } = this;
    this.#bytes.copyWithin(this.#start, this.#head, this.#tail);
    this.#head = this.#start;
    this.#tail = this.#start + pending;
  }
}
