import type { DmaRegion } from "../netdev/dma_region.ts";
import * as byteSwap from "./byte_swap.ts";
import * as checksum from "./checksum.ts";
import * as networkOrder from "./network_order.ts";

// Not imported by name, for speed: see host.ts.
const { fold } = checksum;
const { swapInt32, swapUint16 } = byteSwap;
const { loadInt32, loadUint16 } = networkOrder;

/*
 * IPv4 headers (RFC 791 §3.1), at an offset that is a multiple of 4. Readers check
 * IPV4_HEADER_BYTES of length first.
 */

/** Bytes of a header without options. */
export const IPV4_HEADER_BYTES = 20;
/** Bytes of the longest options a header can have. */
export const IPV4_MAX_OPTION_BYTES = 40;
/** The protocol number of ICMP (RFC 790). */
export const PROTOCOL_ICMP = 1;

const VERSION_IHL = 0;
const TYPE_OF_SERVICE = 1;
const TOTAL_LENGTH = 2;
const FLAGS_FRAGMENT_OFFSET = 6;
const TIME_TO_LIVE = 8;
const PROTOCOL = 9;
const SOURCE = 12;
const DESTINATION = 16;

/** Version 4 and a header length of 5 words. */
const VERSION_4_IHL_5 = 0x45;
/** The word of ID, flags and fragment offset, in memory order: DF set, the rest zero. */
const DF_WITHOUT_ID = 0x0040_0000;
/** MF and the fragment offset: zero in a datagram that is whole. DF and the reserved bit may be set. */
const MF_AND_OFFSET = 0x3fff;

/** The TTL of what we send (RFC 1700, "IP TIME TO LIVE PARAMETER"). */
const DEFAULT_TTL = 64;

/** The version, 4 in IPv4. */
export function version(region: DmaRegion, offset: number): number {
  return region.u8[offset + VERSION_IHL] >>> 4;
}

/** The header length in bytes, 0 to 60. */
export function headerLength(region: DmaRegion, offset: number): number {
  return (region.u8[offset + VERSION_IHL] & 0x0f) << 2;
}

/** The type of service, or what has become of that byte (RFC 2474, RFC 3168). */
export function typeOfService(region: DmaRegion, offset: number): number {
  return region.u8[offset + TYPE_OF_SERVICE];
}

/** The length of header and payload in bytes. */
export function totalLength(region: DmaRegion, offset: number): number {
  return loadUint16(region, offset + TOTAL_LENGTH);
}

/** Whether this is a part of a datagram only. */
export function isFragment(region: DmaRegion, offset: number): boolean {
  return (loadUint16(region, offset + FLAGS_FRAGMENT_OFFSET) & MF_AND_OFFSET) !== 0;
}

/** The time to live. */
export function timeToLive(region: DmaRegion, offset: number): number {
  return region.u8[offset + TIME_TO_LIVE];
}

/** The protocol number of the payload. */
export function protocol(region: DmaRegion, offset: number): number {
  return region.u8[offset + PROTOCOL];
}

/** The source address, an int32. */
export function sourceAddress(region: DmaRegion, offset: number): number {
  return loadInt32(region, offset + SOURCE);
}

/** The destination address, an int32. */
export function destinationAddress(region: DmaRegion, offset: number): number {
  return loadInt32(region, offset + DESTINATION);
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
  const { u32 } = region;
  // Five words as memory has them. The checksum comes from these and not from memory, where words
  // just stored in other widths would have to be waited for.
  const versionToLength = VERSION_4_IHL_5 | typeOfService << 8 | swapUint16(totalLength) << 16;
  const ttlAndProtocol = DEFAULT_TTL | protocol << 8;
  const sourceWord = swapInt32(source);
  const destinationWord = swapInt32(destination);
  const sum = (versionToLength & 0xffff) + (versionToLength >>> 16) +
    (DF_WITHOUT_ID >>> 16) + ttlAndProtocol +
    (sourceWord & 0xffff) + (sourceWord >>> 16) +
    (destinationWord & 0xffff) + (destinationWord >>> 16);
  const word = offset >> 2;
  u32[word] = versionToLength;
  u32[word + 1] = DF_WITHOUT_ID;
  u32[word + 2] = ttlAndProtocol | ~fold(sum) << 16;
  u32[word + 3] = sourceWord;
  u32[word + 4] = destinationWord;
}
