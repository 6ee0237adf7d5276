/**
 * QEMU's stream framing (`-netdev stream`): the length of a frame as 32 bits, big-endian, then the
 * frame from its Ethernet header on, without a frame check sequence.
 */

/** Bytes of the length in front of each frame. */
export const LENGTH_BYTES = 4;

/**
 * Longest frame that QEMU takes (NET_BUFSIZE: 64 KiB and a page). A length beyond it is no length:
 * the reader has lost its place in the stream, and nothing in the stream would tell it back.
 */
export const MAX_FRAME_BYTES = 65536 + 4096;
