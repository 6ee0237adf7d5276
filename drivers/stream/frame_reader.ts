import type { UnixSocket } from "../ffi/unix_socket.ts";
import { LENGTH_BYTES, MAX_FRAME_BYTES } from "./framing.ts";

/** {@link FrameReader.next}: no whole frame is buffered. */
export const NO_FRAME = -1;
/** {@link FrameReader.next}: what stands for a length cannot be one; the reader stays here. */
export const FRAMING_LOST = -2;

/**
 * Finds the frames in a received byte stream, however reads cut it. It works in a piece of a byte
 * array and hands out offsets, so that nothing is allocated.
 *
 * ```text
 * start          head                    tail          end
 *   | handed out   | frame | frame | par…  | free         |
 * ```
 */
export class FrameReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #end: number;
  #head: number;
  #tail: number;

  /**
   * Works in `bytes` from `start` to `end`: room for more than one frame of the longest. It begins
   * with what was `received` before, by a reader of the same stream with as much room.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, start: number, end: number, received: Uint8Array) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#head = start;
    this.#tail = start + received.length;
    bytes.set(received, start);
  }

  /** A copy of what is buffered, for the next reader of the stream. */
  rest(): Uint8Array {
    return this.#bytes.slice(this.#head, this.#tail);
  }

  /** Forgets what is buffered. */
  clear(): void {
    this.#head = this.#start;
    this.#tail = this.#start;
  }

  /** Where the frame that {@link next} found begins. */
  get offset(): number {
    return this.#head + LENGTH_BYTES;
  }

  /** Bytes of the next frame, which lies whole at {@link offset}; or NO_FRAME, or FRAMING_LOST. */
  next(): number {
    const buffered = this.#tail - this.#head;
    if (buffered < LENGTH_BYTES) return NO_FRAME;
    const bytes = this.#bytes;
    const at = this.#head;
    if (bytes[at] !== 0) return FRAMING_LOST;
    const length = bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    if (length > MAX_FRAME_BYTES) return FRAMING_LOST;
    return buffered < LENGTH_BYTES + length ? NO_FRAME : length;
  }

  /** Goes on behind the frame that {@link next} found, of `length` bytes. */
  consume(length: number): void {
    this.#head += LENGTH_BYTES + length;
  }

  /**
   * Receives what the socket has, as far as there is room: how many bytes, 0 when the peer has
   * closed, -1 when nothing is there. To be called at NO_FRAME only: what is buffered is less than
   * one frame then, so there is room. `ErrnoError` when the connection broke.
   */
  receive(socket: UnixSocket): number {
    const buffered = this.#tail - this.#head;
    if (buffered > 0) this.#bytes.copyWithin(this.#start, this.#head, this.#tail);
    this.#head = this.#start;
    this.#tail = this.#start + buffered;
    const received = socket.receiveAt(this.#bytes, this.#tail, this.#end - this.#tail);
    if (received > 0) this.#tail += received;
    return received;
  }
}
