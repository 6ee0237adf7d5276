import type { DmaRegion } from "../netdev/dma_region.ts";
import * as byteSwap from "./byte_swap.ts";
import * as checksum from "./checksum.ts";

// Not imported by name, for speed: see host.ts.
const { fold } = checksum;
const { swapInt32, swapUint16 } = byteSwap;

/*
 * IPv4 headers (RFC 791 §3.1), at an offset that is a multiple of 4. Readers check
 * IPV4_HEADER_BYTES of length first, load the five words each once from `region.u32`, little-endian,
 * and take them apart:
 *
 *   word 0: version and header length, type of service, total length    word 3: source
 *   word 1: ID, flags and fragment offset                               word 4: destination
 *   word 2: time to live, protocol, checksum
 */

/** Bytes of a header without options. */
export const IPV4_HEADER_BYTES = 20;
/** Bytes of the longest options a header can have. */
export const IPV4_MAX_OPTION_BYTES = 40;
/** The protocol number of ICMP (RFC 790). */
export const PROTOCOL_ICMP = 1;

/** Version 4 and a header length of 5 words. */
const VERSION_4_IHL_5 = 0x45;
/** The word of ID, flags and fragment offset, in memory order: DF set, the rest zero. */
const DF_WITHOUT_ID = 0x0040_0000;
/** MF and the fragment offset, likewise: zero in a datagram that is whole, whatever DF is. */
const MF_AND_OFFSET = 0xff3f_0000;

/** The TTL of what we send (RFC 1700, "IP TIME TO LIVE PARAMETER"). */
const DEFAULT_TTL = 64;

/** The version, 4 in IPv4, from word 0. */
export function version(word0: number): number {
  return word0 >>> 4 & 0x0f;
}

/** The header length in bytes, 0 to 60, from word 0. */
export function headerLength(word0: number): number {
  return (word0 & 0x0f) << 2;
}

/** The type of service, or what has become of that byte (RFC 2474, RFC 3168), from word 0. */
export function typeOfService(word0: number): number {
  return word0 >>> 8 & 0xff;
}

/** The length of header and payload in bytes, from word 0. */
export function totalLength(word0: number): number {
  return swapUint16(word0 >>> 16);
}

/** Whether this is a part of a datagram only, from word 1. */
export function isFragment(word1: number): boolean {
  return (word1 & MF_AND_OFFSET) !== 0;
}

/** The time to live, from word 2. */
export function timeToLive(word2: number): number {
  return word2 & 0xff;
}

/** The protocol number of the payload, from word 2. */
export function protocol(word2: number): number {
  return word2 >>> 8 & 0xff;
}

/** The source or destination address, an int32, from word 3 or 4. */
export function ipv4Address(word: number): number {
  return swapInt32(word);
}

/** The ones' complement sum of the five words: see checksum.ts. */
export function headerSum(
  word0: number,
  word1: number,
  word2: number,
  word3: number,
  word4: number,
): number {
  return fold(
    (word0 & 0xffff) + (word0 >>> 16) + (word1 & 0xffff) + (word1 >>> 16) +
      (word2 & 0xffff) + (word2 >>> 16) + (word3 & 0xffff) + (word3 >>> 16) +
      (word4 & 0xffff) + (word4 >>> 16),
  );
}

/**
 * Writes a header of 20 bytes, checksum included. The datagram is atomic: DF is set and the ID is 0
 * (RFC 6864 §4.1).
 */
export function writeIpv4Header(
  region: DmaRegion,
  offset: number,
  typeOfService: number,
  totalLength: number,
  protocol: number,
  source: number,
  destination: number,
): void {
  const from = swapInt32(source);
  const to = swapInt32(destination);
  writeIpv4HeaderBetween(region, offset, typeOfService, totalLength, protocol, from, to);
}

/** {@link writeIpv4Header} with addresses as memory has them: those of words 3 and 4. */
export function writeIpv4HeaderBetween(
  region: DmaRegion,
  offset: number,
  typeOfService: number,
  totalLength: number,
  protocol: number,
  sourceWord: number,
  destinationWord: number,
): void {
  const { u32 } = region;
  // Five words as memory has them. The checksum comes from these and not from memory, where words
  // just stored in other widths would have to be waited for.
  const versionToLength = VERSION_4_IHL_5 | typeOfService << 8 | swapUint16(totalLength) << 16;
  const ttlAndProtocol = DEFAULT_TTL | protocol << 8;
  const sum = headerSum(
    versionToLength,
    DF_WITHOUT_ID,
    ttlAndProtocol,
    sourceWord,
    destinationWord,
  );
  const word = offset >> 2;
  u32[word] = versionToLength;
  u32[word + 1] = DF_WITHOUT_ID;
  u32[word + 2] = ttlAndProtocol | ~sum << 16;
  u32[word + 3] = sourceWord;
  u32[word + 4] = destinationWord;
}
