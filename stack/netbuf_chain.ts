import type { DmaRegion } from "../netdev/dma_region.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import type { FrameOutput } from "./frame_output.ts";
import { fold, onesComplementSum } from "./checksum.ts";
import { swapUint16 } from "./byte_swap.ts";

/*
 * Packets in several netbufs. A piece may be of any length, 0 included, and begin at any offset:
 * those that a virtio device fills begin at 2 mod 4, or wherever somebody has pulled from one.
 */

/**
 * Grows a chain to `length` bytes, to be written by the caller, in new netbufs. False when there are
 * too few; the chain, in part, is the caller's all the same.
 */
export function extendChain(chain: Netbuf, length: number, output: FrameOutput): boolean {
  let tail = chain;
  for (let rest = length - chain.length; rest > 0; rest -= tail.length) {
    const piece = output.alloc();
    if (piece === null) return false;
    piece.length = Math.min(rest, piece.tailroom);
    tail.next = piece;
    tail = piece;
  }
  return true;
}

/** Cuts a chain of at least `length` bytes to that; frees the pieces that are left without any. */
export function trimChain(chain: Netbuf, length: number): void {
  let piece = chain;
  let rest = length;
  while (piece.next !== null && rest > piece.length) {
    rest -= piece.length;
    piece = piece.next;
  }
  piece.length = rest;
  const surplus = piece.next;
  piece.next = null;
  surplus?.free();
}

/**
 * The ones' complement sum (see checksum.ts) of a chain without its first `skip` bytes, which are in
 * its first piece and leave the rest of that at a multiple of 4. At most 65,535 bytes.
 */
export function chainSum(chain: Netbuf, skip: number): number {
  const length = chain.length - skip;
  return addPieces(chain, length, onesComplementSum(chain.region, chain.data + skip, length));
}

/** {@link chainSum} without a demand on where the rest of the first piece begins. */
export function chainSumAnywhere(chain: Netbuf, skip: number): number {
  const length = chain.length - skip;
  return addPieces(chain, length, sumAnywhere(chain.region, chain.data + skip, length));
}

/** Adds the pieces behind the first one to its sum, which is that of `length` bytes. */
function addPieces(chain: Netbuf, length: number, ofFirst: number): number {
  let position = length;
  let sum = ofFirst;
  for (let piece = chain.next; piece !== null; piece = piece.next) {
    const ofPiece = sumAnywhere(piece.region, piece.data, piece.length);
    // A piece that begins at an odd position has its words' bytes the other way (RFC 1071 §2(B)).
    sum = fold(sum + ((position & 1) === 0 ? ofPiece : swapUint16(ofPiece)));
    position += piece.length;
  }
  return sum;
}

/** Copies all of a chain into its first piece, which has the tailroom for it; frees the others. */
export function gatherChain(chain: Netbuf): void {
  const { u8 } = chain.region;
  for (let piece = chain.next; piece !== null; piece = piece.next) {
    const end = chain.data + chain.length;
    u8.copyWithin(end, piece.data, piece.data + piece.length);
    chain.length += piece.length;
  }
  const rest = chain.next;
  chain.next = null;
  rest?.free();
}

/** The ones' complement sum of one piece, the first byte of which is the first of a word. */
function sumAnywhere(region: DmaRegion, data: number, length: number): number {
  const end = data + length;
  let at = data;
  let sum = 0;
  // Up to a multiple of 4, first by a byte, then by a word, in the order of memory.
  if ((at & 1) !== 0 && at < end) sum += region.u8[at++] << 8;
  if ((at & 2) !== 0 && at + 1 < end) {
    sum += region.u16[at >> 1];
    at += 2;
  }
  sum = fold(sum + onesComplementSum(region, at, end - at));
  return (data & 1) === 0 ? sum : swapUint16(sum);
}
