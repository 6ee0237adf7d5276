import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { type NanosecondClock, PcapRecorder, type PcapSink } from "../../app/pcap_recorder.ts";
import { PlainRegion } from "../../netdev/dma_region.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetbufPool, netbufPoolBytes } from "../../netdev/netbuf_pool.ts";
import { isNanosecondPcap, parsePcap, type PcapRecord } from "./pcap_file.ts";

/** A file in memory, that may be as full as a disk. */
class FakeSink implements PcapSink {
  readonly writes: number[] = [];
  /** Bytes that it has room for. */
  room = Infinity;
  /** Most that it takes at once. */
  atOnce = Infinity;
  cuttable = true;
  file = new Uint8Array(0);

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const taken = Math.min(bytes.length, this.room - this.file.length, this.atOnce);
    if (taken <= 0) throw new Error("No space left on device");
    const file = new Uint8Array(this.file.length + taken);
    file.set(this.file);
    file.set(bytes.subarray(0, taken), this.file.length);
    this.file = file;
    this.writes.push(taken);
    return taken;
  }

  truncate(byteLength: number): void {
    if (!this.cuttable) throw new Error("Invalid argument");
    this.file = this.file.slice(0, byteLength);
  }
}

/** Counts its readings in nanoseconds. */
class FakeTime implements NanosecondClock {
  seconds = 4_000_000_000;
  nanoseconds = 999_999_000;

  read(): void {
    this.nanoseconds++;
  }
}

class Fixture {
  readonly sink = new FakeSink();
  readonly clock = new FakeTime();
  readonly failures: string[] = [];
  readonly recorder = new PcapRecorder(
    this.sink,
    this.clock,
    (error) => this.failures.push(String(error)),
  );
  readonly #pool: NetbufPool;

  constructor(count = 256, stride = 2048) {
    const options = { count, stride };
    this.#pool = new NetbufPool(new PlainRegion(netbufPoolBytes(options)), 0, options);
  }

  /** A frame of one piece for each length, whose bytes count up from `seed`. */
  frame(seed: number, ...lengths: number[]): Netbuf {
    let next = seed;
    const pieces = lengths.map((length) => {
      const netbuf = this.#pool.alloc();
      assert(netbuf !== null);
      netbuf.length = length;
      for (let i = 0; i < length; i++) netbuf.region.u8[netbuf.data + i] = next++;
      return netbuf;
    });
    for (const piece of pieces.slice(1)) pieces[0].append(piece);
    return pieces[0];
  }

  send(...frames: Netbuf[]): void {
    assertEquals(this.recorder.stage(frames, 0, frames.length), frames.length);
    this.recorder.sent(frames.length);
  }

  /** What is in the file after a tick. */
  records(): PcapRecord[] {
    assertEquals(this.recorder.tick(0), Infinity);
    return parsePcap(this.sink.file);
  }

  /** The length and the first byte of each frame in the file. */
  summary(): string[] {
    return this.records().map(({ bytes }) => `${bytes.length} from ${bytes[0]}`);
  }
}

function countingUp(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => seed + i);
}

Deno.test("the file begins as a pcap file of Ethernet with nanoseconds, before any frame", () => {
  const { sink } = new Fixture();
  assert(isNanosecondPcap(sink.file));
  assertEquals(sink.file.length, 24);
  assertEquals(parsePcap(sink.file), []);
});

Deno.test("frames of all lengths and alignments are kept byte for byte", () => {
  const fixture = new Fixture();
  const expected: Uint8Array[] = [];
  for (let length = 0; length < 40; length++) {
    const frame = fixture.frame(length, length + 3);
    // The stack looks at a frame from its Ethernet header on, but nothing here relies on that.
    frame.pull(length % 4);
    expected.push(countingUp(length + length % 4, length + 3 - length % 4));
    fixture.recorder.received([frame], 1);
  }
  assertEquals(fixture.records().map(({ bytes }) => bytes), expected);
});

Deno.test("a chain is one frame", () => {
  const fixture = new Fixture();
  fixture.recorder.received([fixture.frame(0, 14, 0, 1, 1000, 3)], 1);
  fixture.send(fixture.frame(7, 61, 2));
  assertEquals(fixture.records().map(({ bytes }) => bytes), [
    countingUp(0, 1018),
    countingUp(7, 63),
  ]);
});

Deno.test("received and sent frames are in the order in which they passed, with the time", () => {
  const fixture = new Fixture();
  const { recorder } = fixture;
  recorder.received([fixture.frame(1, 60), fixture.frame(2, 60)], 2);
  fixture.send(fixture.frame(3, 60));
  recorder.received([fixture.frame(4, 60)], 1);
  assertEquals(fixture.summary(), ["60 from 1", "60 from 2", "60 from 3", "60 from 4"]);
  const start = 4_000_000_000_999_999_000n;
  const times = fixture.records().map(({ time }) => time);
  assertEquals(times, [start + 1n, start + 1n, start + 2n, start + 3n]);
});

Deno.test("frames that were staged and not sent are forgotten", () => {
  const fixture = new Fixture();
  const { recorder } = fixture;
  const frames = [1, 2, 3, 4].map((seed) => fixture.frame(seed, 60 + seed));
  recorder.received(frames, 1);
  assertEquals(recorder.stage(frames, 1, 3), 3);
  recorder.sent(2);
  assertEquals(recorder.stage(frames, 3, 1), 1);
  recorder.sent(0);
  // A driver that throws never tells what it took.
  assertEquals(recorder.stage(frames, 3, 1), 1);
  recorder.received(frames, 0);
  assertEquals(recorder.stage(frames, 0, 1), 1);
  recorder.sent(1);
  assertEquals(fixture.summary(), ["61 from 1", "62 from 2", "63 from 3", "61 from 1"]);
});

Deno.test("frames that were staged are not written before they're sent", () => {
  const fixture = new Fixture();
  const frames = [fixture.frame(1, 60)];
  fixture.recorder.stage(frames, 0, 1);
  assertEquals(fixture.summary(), []);
  fixture.recorder.sent(1);
  assertEquals(fixture.summary(), ["60 from 1"]);
});

Deno.test("a full buffer is written out whole records at a time, and nothing is lost", () => {
  const fixture = new Fixture();
  const frames = Array.from({ length: 64 }, (_, i) => fixture.frame(i, 1514));
  for (let i = 0; i < 32; i++) {
    fixture.recorder.received(frames, 64);
    for (let done = 0; done < 64;) {
      const staged = fixture.recorder.stage(frames, done, 64 - done);
      fixture.recorder.sent(staged);
      done += staged;
    }
  }
  for (const bytes of fixture.sink.writes.slice(1)) assertEquals(bytes % (16 + 1514), 0);
  assert(fixture.sink.writes.length > 3, "it was written when it was full");
  const records = fixture.records();
  assertEquals(records.length, 32 * 128);
  records.forEach(({ bytes }, i) => assertEquals(bytes[0], i % 64));
});

Deno.test("a frame above the limit of a pcap record is cut off, and its length is told", () => {
  const fixture = new Fixture(8, 65536);
  const long = fixture.frame(0, 60_000, 60_000, 60_000, 60_000, 60_000);
  fixture.recorder.received([long], 1);
  fixture.send(fixture.frame(9, 60));
  const [record, next] = fixture.records();
  assertEquals(record.originalLength, 300_000);
  assertEquals(record.bytes, countingUp(0, 262_144));
  assertEquals(next.bytes, countingUp(9, 60));
});

Deno.test("a sink that takes little at once gets the rest in more calls", () => {
  const fixture = new Fixture();
  fixture.sink.atOnce = 7;
  fixture.send(fixture.frame(1, 60), fixture.frame(2, 61));
  assertEquals(fixture.summary(), ["60 from 1", "61 from 2"]);
});

Deno.test("a full disk ends the recording at the last whole record, and is told of once", () => {
  for (const room of [24, 30, 24 + 76, 24 + 77, 24 + 2 * 76 - 1]) {
    const fixture = new Fixture();
    fixture.sink.room = room;
    fixture.send(fixture.frame(1, 60), fixture.frame(2, 60), fixture.frame(3, 60));
    fixture.recorder.tick(0);
    assertEquals(fixture.failures, ["Error: No space left on device"]);
    assertEquals(parsePcap(fixture.sink.file).length, room < 100 ? 0 : 1);
    fixture.sink.room = Infinity;
    fixture.recorder.received([fixture.frame(4, 60)], 1);
    fixture.send(fixture.frame(5, 60));
    fixture.recorder.close();
    assertEquals(parsePcap(fixture.sink.file).length, room < 100 ? 0 : 1);
    assertEquals(fixture.failures.length, 1);
  }
});

Deno.test("a full disk in the middle of a burst doesn't hold up the burst", () => {
  const fixture = new Fixture();
  const frames = Array.from({ length: 128 }, (_, i) => fixture.frame(i, 1514));
  fixture.sink.room = 1000;
  let sent = 0;
  for (let i = 0; i < 20; i++) {
    for (let done = 0; done < 128;) {
      const staged = fixture.recorder.stage(frames, done, 128 - done);
      fixture.recorder.sent(staged);
      done += staged;
      sent += staged;
    }
  }
  assertEquals(sent, 20 * 128);
  assertEquals(fixture.failures.length, 1);
});

Deno.test("what can't be cut back, as a FIFO, ends the recording all the same", () => {
  const fixture = new Fixture();
  fixture.sink.room = 50;
  fixture.sink.cuttable = false;
  fixture.send(fixture.frame(1, 60));
  fixture.recorder.close();
  assertEquals(fixture.failures, ["Error: No space left on device"]);
});

Deno.test("a sink that doesn't even take the header is refused", () => {
  const sink = new FakeSink();
  sink.room = 10;
  assertThrows(() => new PcapRecorder(sink, new FakeTime(), () => {}), Error, "No space left");
  assertEquals(sink.file.length, 0);
});

Deno.test("close writes the rest, once", () => {
  const fixture = new Fixture();
  fixture.send(fixture.frame(1, 60));
  fixture.recorder.close();
  fixture.recorder.close();
  fixture.send(fixture.frame(2, 60));
  assertEquals(fixture.summary(), ["60 from 1"]);
});

Deno.test("recording allocates nothing per frame", () => {
  const sink = { write: (bytes: Uint8Array) => bytes.length, truncate: () => {} };
  const clock = { seconds: 1_800_000_000, nanoseconds: 123_456_789, read: () => {} };
  const recorder = new PcapRecorder(sink, clock, () => {});
  const fixture = new Fixture();
  const frames = Array.from({ length: 64 }, (_, i) => fixture.frame(i, 98));
  const run = (bursts: number): void => {
    for (let i = 0; i < bursts; i++) {
      recorder.received(frames, 64);
      for (let done = 0; done < 64;) {
        const staged = recorder.stage(frames, done, 64 - done);
        recorder.sent(staged);
        done += staged;
      }
    }
  };
  run(4000);
  const before = Deno.memoryUsage().heapUsed;
  run(1000);
  const grown = Deno.memoryUsage().heapUsed - before;
  // The smallest object has 12 bytes, a view more than 100.
  assertLess(grown / 128_000, 2);
});
