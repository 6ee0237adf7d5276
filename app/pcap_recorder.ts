import type { FrameRecorder } from "../netdev/frame_recorder.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { Ticker } from "../netdev/poll_loop.ts";

/** Where the bytes go. */
export interface PcapSink {
  /** Appends what there's room for: how many bytes, at least one. Throws when there's none. */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  /** Cuts off what was written after `byteLength` bytes. Throws where that can't be. */
  truncate(byteLength: number): void;
}

/** The time of day: after `read`, both parts of that moment. */
export interface NanosecondClock {
  read(): void;
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** pcap file header (draft-ietf-opsawg-pcap §4): little-endian, times in nanoseconds. */
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const LINKTYPE_ETHERNET = 1;
const FILE_HEADER_BYTES = 24;

/** The most that is kept of a frame: more than any has, and the most that Wireshark believes in. */
const SNAP_LENGTH = 262_144;

/** Packet record (§5): seconds, nanoseconds, captured and original length, then the frame. */
const RECORD_HEADER_BYTES = 16;
const RECORD_NANOSECONDS = 4;
const RECORD_CAPTURED_LENGTH = 8;
const RECORD_ORIGINAL_LENGTH = 12;

/** Room for several full bursts of frames of 1500 bytes. */
const BUFFER_BYTES = 1 << 20;

/**
 * Writes what passes a device as a pcap file. Frames are copied into a buffer made beforehand, whole
 * records at a time; it's written out when it is full, with each {@link tick}, and by {@link close}.
 * All frames of a burst bear the time at which the burst passed. When the sink fails, the file is
 * cut back to its last whole record, the owner is told once, and nothing more is recorded.
 */
export class PcapRecorder implements FrameRecorder, Ticker {
  readonly #sink: PcapSink;
  readonly #clock: NanosecondClock;
  readonly #onFailure: (error: unknown) => void;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  /**
   * For unaligned stores of 4 bytes. No device writes here, so that a DataView does no harm, and
   * optimised it is one store.
   */
  readonly #view = new DataView(this.#bytes.buffer);
  /** Bytes that are the file's from here on; behind them, to `end`, those of staged frames. */
  #committed = 0;
  #end = 0;
  #staged = 0;
  /** Bytes of the file so far. */
  #written = 0;
  #failed = false;

  /** Writes the header at once. Throws what the sink throws. */
  constructor(sink: PcapSink, clock: NanosecondClock, onFailure: (error: unknown) => void) {
    this.#sink = sink;
    this.#clock = clock;
    this.#onFailure = onFailure;
    const view = this.#view;
    view.setUint32(0, MAGIC_NANOSECONDS, true);
    view.setUint16(4, VERSION_MAJOR, true);
    view.setUint16(6, VERSION_MINOR, true);
    view.setUint32(16, SNAP_LENGTH, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
    this.#write(FILE_HEADER_BYTES);
  }

  received(netbufs: readonly Netbuf[], count: number): void {
    if (this.#failed) return;
    this.#clock.read();
    for (let i = 0; i < count; i++) {
      const length = netbufs[i].chainLength();
      if (!this.#fits(length)) this.#flush();
      this.#append(netbufs[i], length);
      this.#committed = this.#end;
    }
  }

  stage(netbufs: readonly Netbuf[], from: number, count: number): number {
    this.#end = this.#committed;
    this.#staged = 0;
    if (this.#failed || count === 0) return count;
    this.#clock.read();
    while (this.#staged < count) {
      const netbuf = netbufs[from + this.#staged];
      const length = netbuf.chainLength();
      if (!this.#fits(length)) {
        // What is staged stays unwritten until it was sent.
        if (this.#staged > 0) break;
        this.#flush();
      }
      this.#append(netbuf, length);
      this.#staged++;
    }
    return this.#staged;
  }

  sent(count: number): void {
    if (this.#failed) return;
    if (count === this.#staged) {
      this.#committed = this.#end;
    } else {
      for (let i = 0; i < count; i++) this.#committed = this.#recordEnd(this.#committed);
      this.#end = this.#committed;
    }
    this.#staged = 0;
  }

  /** Writes out what there is. */
  tick(_now: number): number {
    this.#flush();
    return Infinity;
  }

  /** Writes out what there is, for the last time. */
  close(): void {
    this.#flush();
    this.#failed = true;
  }

  #fits(frameLength: number): boolean {
    return this.#end + RECORD_HEADER_BYTES + Math.min(frameLength, SNAP_LENGTH) <= BUFFER_BYTES;
  }

  /** Where the record that begins at `start` ends. */
  #recordEnd(start: number): number {
    const captured = this.#view.getUint32(start + RECORD_CAPTURED_LENGTH, true);
    return start + RECORD_HEADER_BYTES + captured;
  }

  #append(netbuf: Netbuf, length: number): void {
    const view = this.#view;
    const captured = Math.min(length, SNAP_LENGTH);
    let to = this.#end;
    view.setUint32(to, this.#clock.seconds, true);
    view.setUint32(to + RECORD_NANOSECONDS, this.#clock.nanoseconds, true);
    view.setUint32(to + RECORD_CAPTURED_LENGTH, captured, true);
    view.setUint32(to + RECORD_ORIGINAL_LENGTH, length, true);
    to += RECORD_HEADER_BYTES;
    const end = to + captured;
    for (let piece: Netbuf | null = netbuf; piece !== null && to < end; piece = piece.next) {
      const bytes = Math.min(piece.length, end - to);
      this.#copy(piece, bytes, to);
      to += bytes;
    }
    this.#end = end;
  }

  /** By words, as far as they're aligned in the netbuf: a view for `set` would be an object a frame. */
  #copy({ region, data }: Netbuf, length: number, to: number): void {
    const view = this.#view;
    const bytes = this.#bytes;
    const { u8, u32 } = region;
    const end = data + length;
    let from = data;
    while ((from & 3) !== 0 && from < end) bytes[to++] = u8[from++];
    const words = (end - from) >>> 2;
    const first = from >>> 2;
    for (let i = 0; i < words; i++) view.setUint32(to + 4 * i, u32[first + i], true);
    to += 4 * words;
    from += 4 * words;
    while (from < end) bytes[to++] = u8[from++];
  }

  #flush(): void {
    if (this.#failed || this.#committed === 0) return;
    try {
      this.#write(this.#committed);
    } catch (error) {
      this.#failed = true;
      this.#onFailure(error);
    }
    this.#committed = 0;
    this.#end = 0;
  }

  /** Writes the first `length` bytes of the buffer, which are whole records or the header. */
  #write(length: number): void {
    let done = 0;
    try {
      while (done < length) done += this.#sink.write(this.#bytes.subarray(done, length));
    } catch (error) {
      this.#cutBack(done);
      throw error;
    }
    this.#written += length;
  }

  /** Leaves of the `done` bytes that were written last only whole records. */
  #cutBack(done: number): void {
    let whole = 0;
    if (this.#written > 0) {
      for (let end = this.#recordEnd(0); end <= done; end = this.#recordEnd(end)) whole = end;
    }
    try {
      this.#sink.truncate(this.#written + whole);
    } catch {
      // A FIFO, or a device: whoever reads it has the piece already.
    }
  }
}
