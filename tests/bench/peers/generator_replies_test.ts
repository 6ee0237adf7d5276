import { assertEquals } from "@std/assert";
import { EchoReplies, OTHER, REPLY, WRONG } from "../../../bench/peers/generator_replies.ts";
import {
  EchoRequests,
  type EchoStations,
  type RequestMemory,
  scratchBytesFor,
  VARIANTS,
} from "../../../bench/peers/generator_requests.ts";
import { internetChecksum, ip, mac } from "../../stack/frames.ts";

const SIZE = 65;
const HEADER_BYTES = 12;
/** So that the upper half of the number and several addresses count. */
const NUMBER = 0x12_3456;

/** Where a test lets a request be written. */
const ROOM_BYTES = 256;

/** Short enough to be copied by a loop, and long enough for a call. */
const SIZES = [65, 101];

/** A memory of our own, with its scratch bytes behind the room for a request. */
function memoryFor(size: number): RequestMemory {
  const buffer = new ArrayBuffer((ROOM_BYTES + scratchBytesFor(size) + 3) & ~3);
  return {
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    u32: new Uint32Array(buffer),
    scratch: ROOM_BYTES,
  };
}

const MEMORY = memoryFor(SIZE);
const STATIONS: EchoStations = {
  ownMac: mac("02:00:00:00:00:01"),
  ownIp: ip("10.8.0.1"),
  peerMac: mac("02:00:00:00:00:02"),
  peerIp: ip("10.9.0.0"),
  addresses: 256,
};
const REQUESTS = new EchoRequests(MEMORY, STATIONS, SIZE);

/** Request `n` as it stands at that offset of the memory. */
function requestAt(offset: number, n = NUMBER): Uint8Array<ArrayBuffer> {
  REQUESTS.write(offset, n);
  return Uint8Array.from(MEMORY.u8.subarray(offset, offset + HEADER_BYTES + SIZE));
}

/** The right reply to it. */
function replyTo(n = NUMBER): Uint8Array<ArrayBuffer> {
  const request = requestAt(0, n).slice(HEADER_BYTES);
  const reply = request.slice();
  reply.set(request.subarray(0, 6), 6);
  reply.set(request.subarray(6, 12), 0);
  reply.set(request.subarray(26, 30), 30);
  reply.set(request.subarray(30, 34), 26);
  reply[34] = 0;
  return withIcmpChecksum(reply);
}

function withIcmpChecksum(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer);
  view.setUint16(36, 0);
  view.setUint16(36, internetChecksum(frame.subarray(34)));
  return frame;
}

function withIpChecksum(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer);
  view.setUint16(24, 0);
  view.setUint16(24, internetChecksum(frame.subarray(14, 34)));
  return frame;
}

/** What is made of a frame, when request {@link NUMBER} is on its way. */
function judge(frame: Uint8Array): { readonly kind: number; readonly what: string } {
  const replies = new EchoReplies(REQUESTS, 1024, 1);
  replies.sent(NUMBER);
  const padded = new Uint8Array(frame.length + 1 & ~1);
  padded.set(frame);
  const kind = replies.take(new Uint16Array(padded.buffer), 0, frame.length);
  return { kind, what: replies.firstWrong };
}

for (const size of SIZES) {
  Deno.test(`generator: a request of ${size} bytes is right at each alignment`, () => {
    const memory = memoryFor(size);
    const requests = new EchoRequests(memory, STATIONS, size);
    const expected = requests.frame(NUMBER);
    for (const offset of [0, 2, 4, 6, 64, 66]) {
      requests.write(offset, NUMBER);
      const bytes = memory.u8.slice(offset, offset + HEADER_BYTES + size);
      const frame = bytes.subarray(HEADER_BYTES);
      assertEquals([...bytes.subarray(0, HEADER_BYTES)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
      assertEquals(internetChecksum(frame.subarray(14, 34)), 0, "IP");
      assertEquals(internetChecksum(frame.subarray(34)), 0, "ICMP");
      assertEquals([...frame.subarray(0, 6)], [...mac("02:00:00:00:00:02")]);
      assertEquals([...frame], [...expected]);
    }
  });
}

Deno.test("generator: 256 requests in a row ask 256 addresses", () => {
  const asked = new Set<number>();
  for (let n = 0; n < 256; n++) {
    const frame = requestAt(0, n).subarray(HEADER_BYTES);
    assertEquals(internetChecksum(frame.subarray(14, 34)), 0);
    asked.add(new DataView(frame.buffer, frame.byteOffset).getInt32(30));
  }
  assertEquals(asked.size, 256);
  assertEquals(Math.min(...asked), ip("10.9.0.0"));
  assertEquals(Math.max(...asked), ip("10.9.0.255"));
});

Deno.test("generator: the right reply is taken for one, once", () => {
  const replies = new EchoReplies(REQUESTS, 1024, 1);
  replies.sent(NUMBER);
  const frame = replyTo();
  const padded = new Uint8Array(SIZE + 1);
  padded.set(frame);
  const words = new Uint16Array(padded.buffer);
  assertEquals(replies.take(words, 0, SIZE), REPLY);
  assertEquals(replies.take(words, 0, SIZE), WRONG);
  assertEquals([replies.replies, replies.checked, replies.wrong], [1, 1, 1]);
  assertEquals(replies.firstWrong, "nobody waits for it");
});

Deno.test("generator: any wrong byte of a reply is found, whichever checksums are mended", () => {
  // A TOS, an identification, flags but MF and a TTL of one's own are no faults.
  const free = new Set([15, 18, 19, 22]);
  for (let at = 0; at < SIZE; at++) {
    if (free.has(at)) continue;
    for (
      const mend of [(frame: Uint8Array<ArrayBuffer>) => frame, withIpChecksum, withIcmpChecksum]
    ) {
      // The checksums themselves are what is mended.
      if (mend === withIpChecksum && (at === 24 || at === 25)) continue;
      if (mend === withIcmpChecksum && (at === 36 || at === 37)) continue;
      const frame = replyTo();
      frame[at] ^= 0x11;
      const { kind } = judge(mend(frame));
      // Without its EtherType or its protocol it is something else.
      if (kind !== OTHER || ![12, 13].includes(at)) assertEquals(kind, WRONG, `byte ${at}`);
    }
  }
});

Deno.test("generator: an echo that comes back as it went is no reply, nor is a shorter one", () => {
  assertEquals(judge(requestAt(0).slice(HEADER_BYTES)).what, "nobody waits for it");
  assertEquals(judge(replyTo().slice(0, SIZE - 1)).what, "length");
  assertEquals(judge(replyTo(NUMBER + 1024)).what, "nobody waits for it");
  assertEquals(judge(new Uint8Array(60)).kind, OTHER);
  assertEquals(judge(new Uint8Array(14)).kind, OTHER);
});

Deno.test("generator: requests that are given up are lost, and their replies wrong", () => {
  const replies = new EchoReplies(REQUESTS, 4, 1);
  for (let n = 0; n < 5; n++) replies.sent(n);
  assertEquals(replies.lost, 1, "its place was needed");
  replies.giveUp();
  assertEquals(replies.lost, 5);
});

Deno.test("generator: a sample of the replies comes to all payloads in time", () => {
  const replies = new EchoReplies(REQUESTS, 1024, 64);
  const checked = new Set<number>();
  const words = new Uint16Array(Math.ceil(SIZE / 2));
  const bytes = new Uint8Array(words.buffer);
  for (let n = 0; n < 256 * 64; n++) {
    const before = replies.checked;
    replies.sent(n);
    bytes.set(replyTo(n));
    assertEquals(replies.take(words, 0, SIZE), REPLY);
    if (replies.checked > before) checked.add(n % VARIANTS);
  }
  assertEquals([checked.size, replies.checked], [VARIANTS, 256]);
});
