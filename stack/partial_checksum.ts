import * as netbufs from "../netdev/netbuf.ts";
import type { Netbuf } from "../netdev/netbuf.ts";
import * as netbufChain from "./netbuf_chain.ts";

// Not imported by name, for speed: see host.ts.
const { NETBUF_F_DATA_VALID, NETBUF_F_PARTIAL_CSUM } = netbufs;
const { chainSumAnywhere } = netbufChain;

/*
 * Checksums that are left to the device, as uk_netbuf has them. Here is the one place where they are
 * completed in software: the stack does so with what it receives, before it looks at it, and leaves
 * one to a device only when that is able to (NETDEV_F_PARTIAL_CSUM).
 */

/**
 * Completes the checksum of a packet if it's partial. The field holds the sum of what is covered
 * besides, and has been found to be inside by the driver.
 */
export function completeChecksum(netbuf: Netbuf): void {
  if ((netbuf.flags & NETBUF_F_PARTIAL_CSUM) === 0) return;
  const { csumStart, data } = netbuf;
  const checksum = ~chainSumAnywhere(netbuf, csumStart) & 0xffff;
  // To UDP, 0 would mean that there is none (RFC 768); to all others both are the same number.
  const field = data + csumStart + netbuf.csumOffset >> 1;
  netbuf.region.u16[field] = checksum === 0 ? 0xffff : checksum;
  netbuf.flags = NETBUF_F_DATA_VALID;
}

/** {@link completeChecksum} of the first `count` packets of a burst. */
export function completeChecksums(received: readonly Netbuf[], count: number): void {
  for (let i = 0; i < count; i++) completeChecksum(received[i]);
}

/**
 * Leaves the checksum of a packet to the device: it's made from `start` bytes behind `data` on, and
 * lies `offset` bytes behind that. Both are even. For one that covers nothing besides, like ICMP's.
 */
export function leaveChecksum(netbuf: Netbuf, start: number, offset: number): void {
  netbuf.region.u16[netbuf.data + start + offset >> 1] = 0;
  netbuf.flags = NETBUF_F_PARTIAL_CSUM;
  netbuf.csumStart = start;
  netbuf.csumOffset = offset;
}
