/**
 * The Toeplitz hash (virtio 1.2 §5.1.6.4.3.2, from Microsoft's RSS): for each bit of the input that is
 * one, the 32 bits of the key that begin at the number of that bit. As slow as its definition.
 */
export function toeplitz(key: Uint8Array, input: Uint8Array): number {
  let hash = 0;
  for (let bit = 0; bit < 8 * input.length; bit++) {
    if ((input[bit >>> 3] & (0x80 >>> (bit & 7))) === 0) continue;
    for (let i = 0; i < 32; i++) {
      const at = bit + i;
      if ((key[at >>> 3] & (0x80 >>> (at & 7))) !== 0) hash ^= 1 << (31 - i);
    }
  }
  return hash >>> 0;
}

/** The hash over the two addresses of an IPv4 packet in an Ethernet frame (§5.1.6.4.3.1). */
export function hashOfIpv4(key: Uint8Array, frame: Uint8Array): number {
  return toeplitz(key, frame.subarray(26, 34));
}
