import type { DmaRegion } from "../netdev/dma_region.ts";
import { loadMacHead, loadMacTail, storeMac } from "./mac_address.ts";
import { loadInt32, loadUint16, storeInt32, storeUint16 } from "./network_order.ts";

/*
 * ARP packets for IPv4 on Ethernet (RFC 826), at an offset that is a multiple of 4. Readers check
 * ARP_BYTES of length first, then isEthernetIpv4(), and only then look at the rest.
 *
 *   0 ar$hrd  2 ar$pro  4 ar$hln  5 ar$pln  6 ar$op  8 ar$sha  14 ar$spa  18 ar$tha  24 ar$tpa
 */

/** Bytes of an ARP packet for IPv4 on Ethernet. */
export const ARP_BYTES = 28;

/** ares_op$REQUEST (RFC 826). */
export const ARP_REQUEST = 1;
/** ares_op$REPLY (RFC 826). */
export const ARP_REPLY = 2;

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const LENGTHS = 4;
const OPERATION = 6;
const SENDER_HARDWARE = 8;
const SENDER_PROTOCOL = 14;
const TARGET_HARDWARE = 18;
const TARGET_PROTOCOL = 24;

/** ares_hrd$Ethernet (RFC 826). */
const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
/** ar$hln 6 and ar$pln 4. */
const LENGTHS_MAC_IPV4 = 0x0604;

/** Whether types and address lengths are those of IPv4 on Ethernet. */
export function isEthernetIpv4(region: DmaRegion, offset: number): boolean {
  return loadUint16(region, offset + HARDWARE_TYPE) === HARDWARE_ETHERNET &&
    loadUint16(region, offset + PROTOCOL_TYPE) === PROTOCOL_IPV4 &&
    loadUint16(region, offset + LENGTHS) === LENGTHS_MAC_IPV4;
}

/** ar$op. */
export function operation(region: DmaRegion, offset: number): number {
  return loadUint16(region, offset + OPERATION);
}

/** Head of ar$sha (see mac_address.ts). */
export function senderHead(region: DmaRegion, offset: number): number {
  return loadMacHead(region, offset + SENDER_HARDWARE);
}

/** Tail of ar$sha. */
export function senderTail(region: DmaRegion, offset: number): number {
  return loadMacTail(region, offset + SENDER_HARDWARE);
}

/** ar$spa, an int32. */
export function senderAddress(region: DmaRegion, offset: number): number {
  // At 2 mod 4, the only field that is not aligned to its size.
  return loadUint16(region, offset + SENDER_PROTOCOL) << 16 |
    loadUint16(region, offset + SENDER_PROTOCOL + 2);
}

/** ar$tpa, an int32. */
export function targetAddress(region: DmaRegion, offset: number): number {
  return loadInt32(region, offset + TARGET_PROTOCOL);
}

/** Writes a whole packet of 28 bytes at `offset`. */
export function writeArpPacket(
  region: DmaRegion,
  offset: number,
  operation: number,
  senderHead: number,
  senderTail: number,
  senderAddress: number,
  targetHead: number,
  targetTail: number,
  targetAddress: number,
): void {
  storeUint16(region, offset + HARDWARE_TYPE, HARDWARE_ETHERNET);
  storeUint16(region, offset + PROTOCOL_TYPE, PROTOCOL_IPV4);
  storeUint16(region, offset + LENGTHS, LENGTHS_MAC_IPV4);
  storeUint16(region, offset + OPERATION, operation);
  storeMac(region, offset + SENDER_HARDWARE, senderHead, senderTail);
  storeUint16(region, offset + SENDER_PROTOCOL, senderAddress >>> 16);
  storeUint16(region, offset + SENDER_PROTOCOL + 2, senderAddress);
  storeMac(region, offset + TARGET_HARDWARE, targetHead, targetTail);
  storeInt32(region, offset + TARGET_PROTOCOL, targetAddress);
}
