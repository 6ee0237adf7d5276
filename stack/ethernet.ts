import type { DmaRegion } from "../netdev/dma_region.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import * as byteSwap from "./byte_swap.ts";
import { gatherChain } from "./netbuf_chain.ts";

// Not imported by name, for speed: see host.ts.
const { swapUint16 } = byteSwap;

/*
 * Ethernet II frames (RFC 894), without preamble and FCS. A header stands at an offset of 2 mod 4,
 * so that what follows it is aligned to 4, and so are three of its own words. Readers check
 * ETHERNET_HEADER_BYTES of length first, load each word once, and take them apart:
 *
 *   half word: head of the destination address (see mac_address.ts)    word 0: its tail
 *   word 1: head of the source address, first half of its tail         word 2: second half, EtherType
 */

/** Bytes of an Ethernet header. */
export const ETHERNET_HEADER_BYTES = 14;
/** Shortest frame that may be sent, the FCS not counted (IEEE 802.3; RFC 894). */
export const ETHERNET_MIN_BYTES = 60;

/** EtherType of IPv4 (RFC 894). */
export const ETHERTYPE_IPV4 = 0x0800;
/** EtherType of ARP (RFC 826). */
export const ETHERTYPE_ARP = 0x0806;

const DESTINATION = 0;
const WORD_0 = 2;
const WORD_1 = 6;
const WORD_2 = 10;

/** Head of the destination address of the frame at `offset`. */
export function destinationHead(region: DmaRegion, offset: number): number {
  return region.u16[offset + DESTINATION >> 1];
}

/** Tail of the destination address. */
export function destinationTail(region: DmaRegion, offset: number): number {
  return region.u32[offset + WORD_0 >> 2] | 0;
}

/** Word 1 of the frame at `offset`. */
export function ethernetWord1(region: DmaRegion, offset: number): number {
  return region.u32[offset + WORD_1 >> 2];
}

/** Word 2 of it. */
export function ethernetWord2(region: DmaRegion, offset: number): number {
  return region.u32[offset + WORD_2 >> 2];
}

/** Head of the source address, from word 1. */
export function sourceHead(word1: number): number {
  return word1 & 0xffff;
}

/** Tail of the source address, from words 1 and 2. */
export function sourceTail(word1: number, word2: number): number {
  return word1 >>> 16 | word2 << 16;
}

/** The EtherType, or the length of an IEEE 802.3 frame, from word 2. */
export function etherType(word2: number): number {
  return swapUint16(word2 >>> 16);
}

/** Writes the destination address alone, into a frame that waited for it. */
export function setDestination(
  region: DmaRegion,
  offset: number,
  head: number,
  tail: number,
): void {
  region.u16[offset + DESTINATION >> 1] = head;
  region.u32[offset + WORD_0 >> 2] = tail;
}

/** Writes a whole header at `offset`. */
export function writeEthernetHeader(
  region: DmaRegion,
  offset: number,
  destinationHead: number,
  destinationTail: number,
  sourceHead: number,
  sourceTail: number,
  type: number,
): void {
  setDestination(region, offset, destinationHead, destinationTail);
  region.u32[offset + WORD_1 >> 2] = sourceHead | sourceTail << 16;
  region.u32[offset + WORD_2 >> 2] = sourceTail >>> 16 | swapUint16(type) << 16;
}

/**
 * Ends a frame of `length` bytes at `netbuf.data`. One shorter than 60 bytes is padded with zeros
 * (RFC 894), never with what the buffer held before (CVE-2003-0001, EtherLeak). The buffer has to
 * hold 60 bytes.
 */
export function finishFrame(netbuf: Netbuf, length: number): void {
  if (length >= ETHERNET_MIN_BYTES) {
    netbuf.length = length;
    return;
  }
  const { u8 } = netbuf.region;
  const end = netbuf.data + ETHERNET_MIN_BYTES;
  for (let i = netbuf.data + length; i < end; i++) u8[i] = 0;
  netbuf.length = ETHERNET_MIN_BYTES;
}

/** {@link finishFrame} for a chain of `length` bytes; a short one becomes one netbuf. */
export function finishChain(chain: Netbuf, length: number): void {
  if (length >= ETHERNET_MIN_BYTES) return;
  gatherChain(chain);
  finishFrame(chain, length);
}
