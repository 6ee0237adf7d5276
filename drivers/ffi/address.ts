/**
 * Addresses in structures that the kernel reads: numbers, stored as two halves, so that no call makes
 * a BigInt.
 */

/** Writes a 64-bit field, little-endian, as `words[index]` and the one behind it. */
export function store64(words: Uint32Array, index: number, value: number): void {
  words[index] = value >>> 0;
  words[index + 1] = Math.floor(value / 0x1_0000_0000);
}

/** Where the view's bytes lie, as long as the view lives: user addresses stay below 2^47. */
export function addressOf(view: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): number {
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(view)));
}
