import type { DmaRegion } from "../../netdev/dma_region.ts";

/*
 * The receive frame descriptor in simplified mode (8255x manual §6.4.3.1): 16 bytes right in front of
 * the frame. Here that is the headroom of a netbuf, whose frame begins at 2 mod 4, and so does the
 * descriptor: fields of 32 bits are two elements of 16.
 */

/** Bytes of a descriptor. */
export const RFD_BYTES = 16;

const RFD_STATUS = 0; // 16
const RFD_COMMAND = 2; // 16
const RFD_LINK = 4; // 32
const RFD_BUFFER = 8; // 32, for another mode
const RFD_ACTUAL = 12; // 16
const RFD_SIZE = 14; // 16

/** Status: the controller is done with it; the frame came without an error. */
export const RFD_STATUS_C = 0x8000;
export const RFD_STATUS_OK = 0x2000;

/** Command: the receive unit has no more buffers behind this one. */
const RFD_COMMAND_EL = 0x8000;

/** Bits of `actual` that are the count: above it are EOF and F, which QEMU doesn't set. */
const ACTUAL_COUNT = 0x3fff;

/** All ones: a link that leads nowhere, and no buffer of another mode. */
const NOWHERE = 0xffff;

/** Writes a fresh descriptor at `offset`, for frames of up to `size` bytes; it's linked to nothing. */
export function writeRfd(region: DmaRegion, offset: number, size: number): void {
  const { u16 } = region;
  const rfd = offset >>> 1;
  u16[rfd + RFD_COMMAND / 2] = 0;
  u16[rfd + RFD_LINK / 2] = NOWHERE;
  u16[rfd + RFD_LINK / 2 + 1] = NOWHERE;
  u16[rfd + RFD_BUFFER / 2] = NOWHERE;
  u16[rfd + RFD_BUFFER / 2 + 1] = NOWHERE;
  u16[rfd + RFD_ACTUAL / 2] = 0;
  u16[rfd + RFD_SIZE / 2] = size;
  Atomics.store(u16, rfd + RFD_STATUS / 2, 0);
}

/** Links the descriptor at `offset` to the one at the device address `next`. */
export function linkRfd(region: DmaRegion, offset: number, next: number): void {
  const link = (offset + RFD_LINK) >>> 1;
  region.u16[link] = next & 0xffff;
  region.u16[link + 1] = next >>> 16;
}

/** Makes the receive unit stop at the descriptor at `offset`. It takes no byte of a frame into it. */
export function closeRfd(region: DmaRegion, offset: number): void {
  const { u16 } = region;
  u16[(offset + RFD_SIZE) >>> 1] = 0;
  Atomics.store(u16, (offset + RFD_COMMAND) >>> 1, RFD_COMMAND_EL);
}

/** Lets the receive unit into the descriptor at `offset`, and past it, in this order. */
export function openRfd(region: DmaRegion, offset: number, size: number): void {
  const { u16 } = region;
  Atomics.store(u16, (offset + RFD_COMMAND) >>> 1, 0);
  Atomics.store(u16, (offset + RFD_SIZE) >>> 1, size);
}

/** The status of the descriptor at `offset`. */
export function rfdStatus(region: DmaRegion, offset: number): number {
  return region.u16[(offset + RFD_STATUS) >>> 1];
}

/** The bytes that the controller says it received. */
export function rfdCount(region: DmaRegion, offset: number): number {
  return region.u16[(offset + RFD_ACTUAL) >>> 1] & ACTUAL_COUNT;
}
