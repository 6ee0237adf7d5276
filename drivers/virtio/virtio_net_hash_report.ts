import type { Netbuf } from "../../netdev/netbuf.ts";

/**
 * struct virtio_net_hdr_v1_hash (virtio 1.2 §5.1.6): hash_value u32, hash_report u16 and padding u16
 * are the last of the header, right before the frame. What is reported, hash_report, is numbered as a
 * netbuf's `rxHashType` is (§5.1.6.4.3): 0 for nothing, 1 for IPv4.
 */
const HASH_VALUE = -8;
const HASH_REPORT = -4;

/**
 * Takes the hashes of the `count` packets of `netbufs[0…]` out of the headers in front of them. For a
 * card with VIRTIO_NET_F_HASH_REPORT, whose header is the only one with room for a hash: a pass of its
 * own over a burst, so that no other card's packets are asked.
 */
export function readHashes(netbufs: readonly Netbuf[], count: number): void {
  for (let i = 0; i < count; i++) {
    const netbuf = netbufs[i];
    const { u16 } = netbuf.region;
    const value = (netbuf.data + HASH_VALUE) >>> 1;
    // A frame begins at 2 mod 4, so the value doesn't lie on a whole word.
    netbuf.rxHash = u16[value] | u16[value + 1] << 16;
    netbuf.rxHashType = u16[(netbuf.data + HASH_REPORT) >>> 1];
  }
}
