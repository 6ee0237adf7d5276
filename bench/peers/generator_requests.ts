import { SeededRandom } from "../../tests/stack/seeded_random.ts";

/** struct virtio_net_hdr with num_buffers (virtio 1.2 §5.1.6). */
export const NET_HEADER_BYTES = 12;
const NUM_BUFFERS = 10;

/** Offsets in a frame without VLAN tag and IP options. */
const ETHERNET_HEADER_BYTES = 14;
const ICMP = 34;
const ICMP_HEADER_BYTES = 8;
/** Shorter ones would be padded, and longer ones are jumbo frames. */
export const FRAME_MIN_BYTES = 60;
export const FRAME_MAX_BYTES = 9014;

/** The same as numbers of 16-bit elements behind the frame's start. */
const IP16 = 7;
const IP_CHECKSUM16 = 12;
const DESTINATION16 = 15;
const ICMP16 = 17;
const ICMP_CHECKSUM16 = 18;
const IDENTIFIER16 = 19;
const SEQUENCE16 = 20;

/** Payloads that are used in turn: as many as stay in the fastest cache. */
export const VARIANTS = 256;
const SEED = 4711;

/** Longer packets are copied by one call, which costs as much as a loop over this. */
const LOOP_MAX_BYTES = 96;

/** In the byte order of memory: type 8, code 0. */
const ECHO_REQUEST = 8;

/** The memory that requests are written to, seen in all widths. */
export interface RequestMemory {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  /** Where {@link scratchBytesFor} bytes begin that are ours. */
  readonly scratch: number;
}

/** Bytes of the memory that requests of this size need for themselves: all, and one to work on. */
export function scratchBytesFor(size: number): number {
  return (VARIANTS + 1) * ((NET_HEADER_BYTES + size + 3) & ~3);
}

/** To whom requests go, and from whom. Addresses are int32. */
export interface EchoStations {
  readonly ownMac: Uint8Array;
  readonly ownIp: number;
  readonly peerMac: Uint8Array;
  readonly peerIp: number;
  /** Addresses asked in turn, from `peerIp` on: a power of two. */
  readonly addresses: number;
}

/**
 * Echo requests, prepared once in a memory and copied to other places of it. Request `n` has the payload n modulo
 * {@link VARIANTS} and carries n as identifier and sequence, the upper half in front, in the byte
 * order of memory; with several addresses it asks another one than the request before.
 */
export class EchoRequests {
  /** Bytes of a frame, without FCS. */
  readonly size: number = 0;
  /** The same with the virtio_net_hdr. */
  readonly byteLength: number = 0;
  /** All variants by 16 bits: as they are sent, but for what {@link write} adds. */
  readonly frames16: Uint16Array = new Uint16Array(0);
  /** Elements of it for each variant. */
  readonly stride16: number = 0;
  /** By variant: the sum of the ICMP message behind identifier and sequence. */
  readonly payloadSums: Int32Array = new Int32Array(VARIANTS);
  /** All variants with header, by words: for buffers that begin at 0 and at 2 modulo 4. */
  readonly #even: Uint32Array = new Uint32Array(0);
  readonly #odd: Uint32Array = new Uint32Array(0);
  /** Words of a variant in both, and those of them that are copied. */
  readonly #stride: number = 0;
  readonly #evenWords: number = 0;
  readonly #oddWords: number = 0;
  readonly #u8: Uint8Array = new Uint8Array(0);
  readonly #u16: Uint16Array = new Uint16Array(0);
  readonly #u32: Uint32Array = new Uint32Array(0);
  readonly #scratch: number = 0;
  readonly #addresses: number = 1;
  readonly #firstAddress: number = 0;
  /** The sum of the IP header without checksum and destination. */
  readonly #ipSum: number = 0;

  /** `size`: {@link FRAME_MIN_BYTES} to {@link FRAME_MAX_BYTES}. */
  constructor(memory: RequestMemory, stations: EchoStations, size: number) {
    this.#u8 = memory.u8;
    this.#u16 = memory.u16;
    this.#u32 = memory.u32;
    this.#scratch = memory.scratch;
    this.size = size;
    this.byteLength = NET_HEADER_BYTES + size;
    this.stride16 = (size + 1) >>> 1;
    this.frames16 = new Uint16Array(VARIANTS * this.stride16);
    this.#evenWords = (this.byteLength + 3) >>> 2;
    this.#oddWords = (this.byteLength + 1) >>> 2;
    this.#stride = this.#evenWords;
    this.#even = new Uint32Array(VARIANTS * this.#stride);
    this.#odd = new Uint32Array(VARIANTS * this.#stride);
    this.#addresses = stations.addresses;
    this.#firstAddress = stations.peerIp;
    const random = new SeededRandom(SEED);
    for (let variant = 0; variant < VARIANTS; variant++) {
      const payload = random.bytes(size - ICMP - ICMP_HEADER_BYTES);
      this.#prepare(variant, requestFrame(stations, payload));
    }
    const words = this.frames16;
    this.#ipSum = sum16(words, IP16, IP_CHECKSUM16) +
      sum16(words, IP_CHECKSUM16 + 1, DESTINATION16);
  }

  /** Whether {@link write} can put a request into these bytes of one descriptor. */
  fits(offset: number, length: number): boolean {
    return length >= this.byteLength + 3 && (offset & 1) === 0;
  }

  /** Writes request `n`, header and all, to `offset` of the memory, where it {@link fits}. */
  write(offset: number, n: number): void {
    const u16 = this.#u16;
    const at = (n & (VARIANTS - 1)) * this.#stride;
    if (this.byteLength > LOOP_MAX_BYTES) {
      const from = this.#scratch + 4 * at;
      this.#u8.copyWithin(offset, from, from + this.byteLength);
    } else if ((offset & 2) === 0) {
      copyWords(this.#even, at, this.#evenWords, this.#u32, offset >>> 2);
    } else {
      u16[offset >>> 1] = 0;
      copyWords(this.#odd, at, this.#oddWords, this.#u32, (offset + 2) >>> 2);
    }
    const frame = (offset + NET_HEADER_BYTES) >>> 1;
    const identifier = n >>> 16;
    const sequence = n & 0xffff;
    const sum = this.payloadSums[n & (VARIANTS - 1)] + ECHO_REQUEST + identifier + sequence;
    u16[frame + ICMP_CHECKSUM16] = ~fold(sum);
    u16[frame + IDENTIFIER16] = identifier;
    u16[frame + SEQUENCE16] = sequence;
    if (this.#addresses > 1) this.#address(u16, frame, n);
  }

  /** The frame of request `n` as bytes, a copy: for buffers where it doesn't fit. */
  frame(n: number): Uint8Array {
    const offset = this.#scratch + 4 * VARIANTS * this.#stride;
    this.write(offset, n);
    return this.#u8.slice(offset + NET_HEADER_BYTES, offset + this.byteLength);
  }

  /** The int32 address that request `n` asks: neighbours in time are far apart. */
  destination(n: number): number {
    return this.#firstAddress + (Math.imul(n, 40503) & (this.#addresses - 1)) | 0;
  }

  #address(u16: Uint16Array, frame: number, n: number): void {
    const destination = this.destination(n);
    const head = swap16(destination >>> 16);
    const tail = swap16(destination & 0xffff);
    u16[frame + DESTINATION16] = head;
    u16[frame + DESTINATION16 + 1] = tail;
    u16[frame + IP_CHECKSUM16] = ~fold(this.#ipSum + head + tail);
  }

  #prepare(variant: number, frame: Uint8Array): void {
    const image = new Uint8Array(4 * this.#stride + 4);
    image[NUM_BUFFERS] = 1;
    image.set(frame, NET_HEADER_BYTES);
    const { buffer } = image;
    const at = variant * this.#stride;
    this.#u8.set(image.subarray(0, 4 * this.#stride), this.#scratch + 4 * at);
    this.#even.set(new Uint32Array(buffer, 0, this.#evenWords), at);
    const odd = buffer.slice(2);
    this.#odd.set(new Uint32Array(odd, 0, this.#oddWords), at);
    const words = new Uint16Array(buffer, NET_HEADER_BYTES, this.stride16);
    this.frames16.set(words, variant * this.stride16);
    this.payloadSums[variant] = fold(sum16(words, SEQUENCE16 + 1, words.length));
  }
}

/** The frame with its IP checksum, for an identifier and a sequence of 0. */
function requestFrame(
  { ownMac, ownIp, peerMac, peerIp }: EchoStations,
  payload: Uint8Array,
): Uint8Array {
  const frame = new Uint8Array(ICMP + ICMP_HEADER_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(peerMac, 0);
  frame.set(ownMac, 6);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, frame.length - ETHERNET_HEADER_BYTES);
  view.setUint16(20, 0x4000);
  view.setUint8(22, 64);
  view.setUint8(23, 1);
  view.setInt32(26, ownIp);
  view.setInt32(30, peerIp);
  const header = new Uint16Array(frame.buffer, 0, ICMP16);
  header[IP_CHECKSUM16] = ~fold(sum16(header, IP16, ICMP16));
  frame[ICMP] = ECHO_REQUEST;
  frame.set(payload, ICMP + ICMP_HEADER_BYTES);
  return frame;
}

function copyWords(
  from: Uint32Array,
  at: number,
  count: number,
  to: Uint32Array,
  start: number,
): void {
  for (let i = 0; i < count; i++) to[start + i] = from[at + i];
}

/** Of the elements from `start` to before `end`: below 2^31 for 32,768 of them. */
export function sum16(words: Uint16Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += words[i];
  return sum;
}

/** Adds the carries of a sum below 2^32 back into its low 16 bits (RFC 1071). */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** Between network byte order and that of memory. */
export function swap16(value: number): number {
  return (value & 0xff) << 8 | value >>> 8;
}
