import { assert, assertEquals } from "@std/assert";

/** One record of a capture. */
export interface PcapRecord {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
}

/** A pcap file taken apart as draft-ietf-opsawg-pcap has it; fails for one that isn't whole. */
export function parsePcap(file: Uint8Array): PcapRecord[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = view.getUint32(0, true);
  assert(magic === 0xa1b23c4d || magic === 0xa1b2c3d4, `magic ${magic.toString(16)}`);
  const unit = magic === 0xa1b23c4d ? 1n : 1000n;
  assertEquals([view.getUint16(4, true), view.getUint16(6, true)], [2, 4]);
  const snapLength = view.getUint32(16, true);
  assertEquals(view.getUint32(20, true), 1, "link type Ethernet");
  const records: PcapRecord[] = [];
  let at = 24;
  while (at < file.length) {
    const seconds = BigInt(view.getUint32(at, true));
    const fraction = BigInt(view.getUint32(at + 4, true));
    const captured = view.getUint32(at + 8, true);
    const originalLength = view.getUint32(at + 12, true);
    assert(captured <= snapLength && captured <= originalLength);
    at += 16;
    assert(at + captured <= file.length, "the last record is cut off");
    const bytes = file.slice(at, at + captured);
    records.push({ time: seconds * 1_000_000_000n + fraction * unit, originalLength, bytes });
    at += captured;
  }
  return records;
}

/** Whether the times are in nanoseconds, by the magic number. */
export function isNanosecondPcap(file: Uint8Array): boolean {
  return file.slice(0, 4).join(" ") === "77 60 178 161";
}
