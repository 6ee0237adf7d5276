import type { Netbuf } from "../netdev/netbuf.ts";

/**
 * Is told what happens at a host. Every argument is a number, so that telling allocates nothing:
 * IPv4 addresses are int32 (see {@link formatIpv4}), MAC addresses head and tail (see
 * {@link formatMac}). The calls come from the middle of packet handling and must not throw.
 */
export interface HostObserver {
  /**
   * A peer asked for an address of ours, or answered our request for its own, for the first time. Peers
   * are remembered up to a number; from then on new ones are not reported.
   */
  firstArp(address: number, macHead: number, macTail: number): void;
  /** A peer's first echo request was answered. Peers are remembered as for `firstArp`. */
  firstEchoRequest(address: number): void;
  /**
   * An echo reply came for an identifier that we have used, its checksum right. `netbuf` has just
   * its payload, `payloadLength` bytes over all of its chain, and is the stack's: read it now.
   */
  echoReply(
    source: number,
    identifier: number,
    sequence: number,
    payloadLength: number,
    ttl: number,
    netbuf: Netbuf,
  ): void;
  /** Nobody answered ARP for this address, a destination's or the gateway's. */
  resolutionFailed(address: number): void;
  /** Another station uses an address of ours; told once in 10 s at most (RFC 5227 §2.4). */
  addressConflict(macHead: number, macTail: number, address: number): void;
}
