/** struct virtio_net_hdr (virtio 1.2 §5.1.6): offsets, and its length without num_buffers (§5.1.6.1). */
export const LEGACY_HDR_BYTES = 10;
const FLAGS = 0;
const CSUM_START = 6;
const CSUM_OFFSET = 8;
const NUM_BUFFERS = 10;
const HASH = 12;

const NEEDS_CSUM = 1;

const ETHERNET_HEADER_BYTES = 14;
const ETHERNET_MTU = 1500;

/** A lie about a frame that is received. */
export interface ReceiveLie {
  /** Added to the length that is told of the first buffer. */
  readonly lengthBy?: number;
  readonly length?: number;
  readonly numBuffers?: number;
  /** What is said of its checksum: flags, and where it starts and is to be put. */
  readonly checksum?: readonly [flags: number, start: number, offset: number];
  /** Bytes in place of its hash, up to 8. */
  readonly hash?: Uint8Array;
}

/** Writes the header of a frame in `buffers` buffers to the first `headerBytes` of `bytes`. */
export function writeReceiveHeader(
  bytes: Uint8Array,
  headerBytes: number,
  { numBuffers, checksum = [0, 0, 0], hash }: ReceiveLie,
  buffers: number,
): void {
  const view = new DataView(bytes.buffer);
  const [flags, start, offset] = checksum;
  view.setUint8(FLAGS, flags);
  view.setUint16(CSUM_START, start, true);
  view.setUint16(CSUM_OFFSET, offset, true);
  if (headerBytes > NUM_BUFFERS) view.setUint16(NUM_BUFFERS, numBuffers ?? buffers, true);
  if (hash !== undefined && headerBytes > HASH) bytes.set(hash, HASH);
}

/**
 * The frame behind a header, as it goes out: with the checksum that was left to the card, where it
 * `completes` any. Throws for a header or a length that no good driver sends.
 */
export function sentFrame(
  bytes: Uint8Array,
  headerBytes: number,
  completes: boolean,
): Uint8Array {
  const header = bytes.slice(0, headerBytes);
  const frame = bytes.slice(headerBytes);
  const { length } = frame;
  if (length < ETHERNET_HEADER_BYTES || length > ETHERNET_HEADER_BYTES + ETHERNET_MTU) {
    throw new Error(`a frame of ${length} bytes is to be sent`);
  }
  if (completes && header[FLAGS] === NEEDS_CSUM) completeChecksum(header, frame);
  const odd = header.findIndex((byte) => byte !== 0);
  if (odd >= 0) throw new Error(`byte ${odd} of a frame's header is ${header[odd]}`);
  return frame;
}

/** Does what the header asks for, and clears it (§5.1.6.2). */
function completeChecksum(header: Uint8Array, frame: Uint8Array): void {
  const asked = new DataView(header.buffer);
  const start = asked.getUint16(CSUM_START, true);
  const place = start + asked.getUint16(CSUM_OFFSET, true);
  if (place + 2 > frame.length) {
    throw new Error(`a checksum from ${start} on is to be put at ${place} of ${frame.length}`);
  }
  let sum = 0;
  frame.subarray(start).forEach((byte, i) => sum += i % 2 === 0 ? byte << 8 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  new DataView(frame.buffer).setUint16(place, sum === 0xffff ? sum : 0xffff - sum);
  header.fill(0, FLAGS, NUM_BUFFERS);
}
