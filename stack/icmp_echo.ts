import type { DmaRegion } from "../netdev/dma_region.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import * as checksum from "./checksum.ts";
import { chainSum } from "./netbuf_chain.ts";
import * as networkOrder from "./network_order.ts";

// Not imported by name, for speed: see host.ts.
const { checksumAfterZeroing, onesComplementSum } = checksum;
const { loadUint16, storeUint16 } = networkOrder;

/*
 * ICMP messages (RFC 792), at an offset that is a multiple of 4. Readers check ICMP_HEADER_BYTES of
 * length first.
 */

/** Bytes in front of what an ICMP message carries: type, code, checksum and 4 more. */
export const ICMP_HEADER_BYTES = 8;

/** Message types (RFC 792). */
export const ICMP_ECHO_REPLY = 0;
/** RFC 792. */
export const ICMP_DESTINATION_UNREACHABLE = 3;
/** RFC 792. */
export const ICMP_SOURCE_QUENCH = 4;
/** RFC 792. */
export const ICMP_REDIRECT = 5;
/** RFC 792. */
export const ICMP_ECHO = 8;
/** RFC 792. */
export const ICMP_TIME_EXCEEDED = 11;
/** RFC 792. */
export const ICMP_PARAMETER_PROBLEM = 12;

/** Where the checksum stands in a message. */
export const ICMP_CHECKSUM_OFFSET = 2;

const TYPE = 0;
const CHECKSUM = ICMP_CHECKSUM_OFFSET;
const IDENTIFIER = 4;
const SEQUENCE_NUMBER = 6;

/** The message type. */
export function icmpType(region: DmaRegion, offset: number): number {
  return region.u8[offset + TYPE];
}

/** Whether the checksum over the whole message of `length` bytes is right. */
export function isIcmpChecksumRight(region: DmaRegion, offset: number, length: number): boolean {
  return onesComplementSum(region, offset, length) === 0xffff;
}

/** The identifier of an echo message. */
export function echoIdentifier(region: DmaRegion, offset: number): number {
  return loadUint16(region, offset + IDENTIFIER);
}

/** The sequence number of an echo message. */
export function echoSequence(region: DmaRegion, offset: number): number {
  return loadUint16(region, offset + SEQUENCE_NUMBER);
}

/**
 * Turns an echo request whose checksum is right into its reply: type and code become 0, the rest
 * stays, and the checksum follows without another pass over the data.
 */
export function turnEchoIntoReply(region: DmaRegion, offset: number): void {
  const { u32 } = region;
  // Type and code are the lower half of the first word, the checksum is the upper one.
  const word = u32[offset >> 2];
  u32[offset >> 2] = ICMP_ECHO_REPLY | checksumAfterZeroing(word >>> 16, word & 0xffff) << 16;
}

/** Writes an echo request whose payload counts bytes 0, 1, … 255, 0, …. */
export function writeEchoRequest(
  region: DmaRegion,
  offset: number,
  identifier: number,
  sequence: number,
  payloadLength: number,
): void {
  const { u8, u16 } = region;
  storeUint16(region, offset + TYPE, ICMP_ECHO << 8);
  u16[offset + CHECKSUM >> 1] = 0;
  storeUint16(region, offset + IDENTIFIER, identifier);
  storeUint16(region, offset + SEQUENCE_NUMBER, sequence);
  const payload = offset + ICMP_HEADER_BYTES;
  for (let i = 0; i < payloadLength; i++) u8[payload + i] = i;
  const sum = onesComplementSum(region, offset, ICMP_HEADER_BYTES + payloadLength);
  u16[offset + CHECKSUM >> 1] = ~sum;
}

/**
 * Goes on with the payload of an echo request, `skip` bytes into a chain and written as far as its
 * first piece goes, in the pieces behind that, and makes the checksum that of all of it.
 */
export function spreadEchoRequest(chain: Netbuf, skip: number): void {
  const { u8, u16 } = chain.region;
  let value = chain.length - skip - ICMP_HEADER_BYTES;
  for (let piece = chain.next; piece !== null; piece = piece.next) {
    const end = piece.data + piece.length;
    for (let i = piece.data; i < end; i++) u8[i] = value++;
  }
  const checksum = chain.data + skip + CHECKSUM >> 1;
  u16[checksum] = 0;
  u16[checksum] = ~chainSum(chain, skip);
}
