/** A frame of the peer, and the whole reply to it, or the reason for which there is none. */
export interface Probe {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly expected: Uint8Array | string;
}

export const GROUP_MAC = "01:00:5e:00:00:01";
export const OWN_MAC = "02:75:0a:00:02:0f";
export const OTHER_MAC = "02:75:0a:00:02:99";

/** A frame that ends after `length` bytes of an otherwise good one. */
export function cut(frame: Uint8Array, length: number): Uint8Array {
  return frame.slice(0, length);
}

/** A frame with one bit turned over in this byte. */
export function corrupt(frame: Uint8Array, offset: number): Uint8Array {
  const copy = frame.slice();
  copy[offset] ^= 0x40;
  return copy;
}
