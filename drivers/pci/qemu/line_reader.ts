import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { QemuError } from "./qemu_error.ts";

const NEWLINE = 0x0a;
const BUFFER_BYTES = 4096;

/** Lines of text out of a socket, one at a time, as bytes: a line makes no string and no garbage. */
export class LineReader {
  readonly #socket: UnixSocket;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  /** What was received and is no line yet. */
  #start = 0;
  #end = 0;
  #lineStart = 0;
  #lineEnd = 0;

  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  /** Length of the line in bytes, without its end. */
  get length(): number {
    return this.#lineEnd - this.#lineStart;
  }

  /** Goes on to the next line that was received whole; false when there is none. */
  next(): boolean {
    const end = this.#bytes.indexOf(NEWLINE, this.#start);
    if (end < 0 || end >= this.#end) return false;
    this.#lineStart = this.#start;
    this.#lineEnd = end;
    this.#start = end + 1;
    return true;
  }

  /** Leaves the line for the next call of {@link next}. */
  unread(): void {
    this.#start = this.#lineStart;
  }

  /**
   * Receives what is there, and forgets the line: whether anything was. `QemuError` for a line that
   * has no end, `ErrnoError` when the connection broke.
   */
  receive(): "some" | "none" | "closed" {
    this.#bytes.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = this.#lineStart = this.#lineEnd = 0;
    const room = BUFFER_BYTES - this.#end;
    if (room === 0) throw new QemuError(`QEMU sent a line of more than ${BUFFER_BYTES} bytes`);
    const count = this.#socket.receiveAt(this.#bytes, this.#end, room);
    if (count === 0) return "closed";
    if (count < 0) return "none";
    this.#end += count;
    return "some";
  }

  /** Whether the line has `bytes` at `offset`. */
  has(bytes: Uint8Array, offset = 0): boolean {
    if (offset + bytes.length > this.length) return false;
    for (let i = 0; i < bytes.length; i++) {
      if (this.#bytes[this.#lineStart + offset + i] !== bytes[i]) return false;
    }
    return true;
  }

  /**
   * The number that the line has from `offset` to its end, in digits of `radix` (10 or 16). NaN when
   * there is something else, nothing, or a number above 2^53 - 1.
   */
  number(offset: number, radix: number): number {
    if (offset >= this.length) return NaN;
    let value = 0;
    for (let i = this.#lineStart + offset; i < this.#lineEnd; i++) {
      const digit = digitOf(this.#bytes[i]);
      if (digit >= radix) return NaN;
      value = value * radix + digit;
    }
    return Number.isSafeInteger(value) ? value : NaN;
  }

  /** The line, for a message. */
  text(): string {
    return new TextDecoder().decode(this.#bytes.subarray(this.#lineStart, this.#lineEnd));
  }
}

/** 0 to 15, or more for what is no digit. */
function digitOf(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : 16;
}
