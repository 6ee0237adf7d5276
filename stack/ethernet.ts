import type { DmaRegion } from "../netdev/dma_region.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import * as macAddress from "./mac_address.ts";
import { gatherChain } from "./netbuf_chain.ts";
import * as networkOrder from "./network_order.ts";

// Not imported by name, for speed: see host.ts.
const { loadMacTail } = macAddress;
const { loadUint16, storeUint16 } = networkOrder;

/*
 * Ethernet II frames (RFC 894), without preamble and FCS. A header stands at an offset of 2 mod 4,
 * so that what follows it is aligned to 4.
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
const SOURCE = 6;
const TYPE = 12;

/** Head of the destination address (see mac_address.ts) of the frame at `offset`. */
export function destinationHead(region: DmaRegion, offset: number): number {
  return region.u16[offset + DESTINATION >> 1];
}

/** Tail of the destination address. */
export function destinationTail(region: DmaRegion, offset: number): number {
  return region.u32[offset + DESTINATION + 2 >> 2] | 0;
}

/** Head of the source address. */
export function sourceHead(region: DmaRegion, offset: number): number {
  return region.u16[offset + SOURCE >> 1];
}

/** Tail of the source address. */
export function sourceTail(region: DmaRegion, offset: number): number {
  return loadMacTail(region, offset + SOURCE);
}

/** The EtherType, or the length of an IEEE 802.3 frame. */
export function etherType(region: DmaRegion, offset: number): number {
  return loadUint16(region, offset + TYPE);
}

/** Writes the destination address alone, into a frame that waited for it. */
export function setDestination(
  region: DmaRegion,
  offset: number,
  head: number,
  tail: number,
): void {
  region.u16[offset + DESTINATION >> 1] = head;
  region.u32[offset + DESTINATION + 2 >> 2] = tail;
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
  // The source begins at a multiple of 4: its head and half of its tail are one word.
  region.u32[offset + SOURCE >> 2] = sourceHead | sourceTail << 16;
  region.u16[offset + SOURCE + 4 >> 1] = sourceTail >>> 16;
  storeUint16(region, offset + TYPE, type);
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
