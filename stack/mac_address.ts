import type { DmaRegion } from "../netdev/dma_region.ts";
import { AddressError } from "./address_error.ts";

/** Bytes of a MAC address. */
export const MAC_BYTES = 6;

/*
 * The packet path holds a MAC address as two small integers, in the byte order of memory so that
 * none is swapped: the head is its first two bytes as a little-endian 16-bit number, the tail its
 * last four as a little-endian int32.
 */

/** The head of the broadcast address. */
export const BROADCAST_HEAD = 0xffff;
/** The tail of the broadcast address. */
export const BROADCAST_TAIL = -1;

/** Bytes 0 and 1 of a 6-byte MAC address as a little-endian 16-bit number. */
export function macHead(mac: Uint8Array): number {
  return mac[0] | mac[1] << 8;
}

/** Bytes 2 to 5 of a 6-byte MAC address as a little-endian int32. */
export function macTail(mac: Uint8Array): number {
  return mac[2] | mac[3] << 8 | mac[4] << 16 | mac[5] << 24;
}

/** The head of the MAC address at an even offset of a region. */
export function loadMacHead(region: DmaRegion, offset: number): number {
  return region.u16[offset >> 1];
}

/** The tail of the MAC address at an even offset of a region. */
export function loadMacTail(region: DmaRegion, offset: number): number {
  const { u16 } = region;
  return u16[offset + 2 >> 1] | u16[offset + 4 >> 1] << 16;
}

/** Writes a MAC address at an even offset of a region. */
export function storeMac(region: DmaRegion, offset: number, head: number, tail: number): void {
  const { u16 } = region;
  u16[offset >> 1] = head;
  u16[offset + 2 >> 1] = tail;
  u16[offset + 4 >> 1] = tail >>> 16;
}

/** Whether a head is that of a multicast or broadcast address (IEEE 802: the I/G bit). */
export function isGroupHead(head: number): boolean {
  return (head & 1) !== 0;
}

/** Writes a MAC address as `52:54:00:12:34:56`; `head` and `tail` as {@link macHead} and {@link macTail} give them. */
export function formatMac(head: number, tail: number): string {
  const bytes = [head, head >>> 8, tail, tail >>> 8, tail >>> 16, tail >>> 24];
  return bytes.map((byte) => (byte & 0xff).toString(16).padStart(2, "0")).join(":");
}

/** Writes a MAC address of 6 bytes, likewise. */
export function formatMacBytes(mac: Uint8Array): string {
  return formatMac(macHead(mac), macTail(mac));
}

/**
 * Reads `52:54:00:12:34:56` (or with hyphens) into 6 bytes. {@link AddressError} for another form,
 * and for what no station can have: a group address, or all zero.
 */
export function parseMac(text: string): Uint8Array {
  const match = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i.exec(text);
  if (match === null) {
    throw new AddressError(`MAC address "${text}": six hexadecimal bytes with colons are needed`);
  }
  const mac = Uint8Array.from(text.split(/[:-]/), (byte) => parseInt(byte, 16));
  checkStationMac(mac);
  return mac;
}

/** {@link AddressError} unless `mac` is 6 bytes that a station can have as its address. */
export function checkStationMac(mac: Uint8Array): void {
  if (mac.length !== MAC_BYTES) {
    throw new AddressError(`MAC address of ${mac.length} bytes: 6 are needed`);
  }
  const text = formatMacBytes(mac);
  if (isGroupHead(macHead(mac))) {
    throw new AddressError(`MAC address ${text}: this is a group address, not a station's`);
  }
  if (mac.every((byte) => byte === 0)) {
    throw new AddressError(`MAC address ${text}: all zero is no station's`);
  }
}

/**
 * A locally administered MAC address made from an IPv4 address (int32): 02:75 (“u”), then its four
 * bytes, so that hosts with different addresses have different MACs.
 */
export function macFromIpv4(address: number): Uint8Array {
  return Uint8Array.of(0x02, 0x75, address >>> 24, address >>> 16, address >>> 8, address);
}
