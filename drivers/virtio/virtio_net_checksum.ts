import * as netbufs from "../../netdev/netbuf.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import * as virtioNetHeader from "./virtio_net_header.ts";
import type { VirtioNetRx } from "./virtio_net_rx.ts";

// Constants of the module, which V8 compiles in; an import it fetches and checks at each use.
const { NETBUF_F_DATA_VALID, NETBUF_F_PARTIAL_CSUM } = netbufs;
const {
  ETHERNET_HEADER_BYTES,
  VIRTIO_NET_HDR_CSUM_OFFSET,
  VIRTIO_NET_HDR_CSUM_START,
  VIRTIO_NET_HDR_F_DATA_VALID,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_FLAGS,
} = virtioNetHeader;

const CHECKSUM_BYTES = 2;

/**
 * Whether a checksum can be made from `start` bytes behind the Ethernet header's first on, and put
 * `offset` bytes behind that, in the first netbuf of a packet. No protocol has an odd one of these.
 */
export function isChecksumInside(netbuf: Netbuf, start: number, offset: number): boolean {
  return start >= ETHERNET_HEADER_BYTES && ((start | offset) & 1) === 0 &&
    start + offset + CHECKSUM_BYTES <= netbuf.length;
}

/**
 * Takes what the headers in front of the `count` packets of `received[0…]` say of their checksums over
 * into their netbufs (virtio 1.2 §5.1.6.4.1), and says how many packets are left: one whose checksum
 * would lie outside is dropped. For a card with VIRTIO_NET_F_GUEST_CSUM: a pass of its own over a
 * burst, so that no other card's packets are asked.
 */
export function readChecksums(rx: VirtioNetRx, received: Netbuf[], count: number): number {
  const { headerBytes } = rx;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const netbuf = received[i];
    const { u8, u16 } = netbuf.region;
    const header = netbuf.data - headerBytes;
    // Each field is read once: the device may write to it still.
    const flags = u8[header + VIRTIO_NET_HDR_FLAGS];
    if ((flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0) {
      const start = u16[(header + VIRTIO_NET_HDR_CSUM_START) >>> 1];
      const offset = u16[(header + VIRTIO_NET_HDR_CSUM_OFFSET) >>> 1];
      if (!isChecksumInside(netbuf, start, offset)) {
        rx.totals.add(-1, -netbuf.chainLength());
        rx.drops.rx_bad_checksum_offset++;
        netbuf.free();
        continue;
      }
      netbuf.flags = NETBUF_F_PARTIAL_CSUM;
      netbuf.csumStart = start;
      netbuf.csumOffset = offset;
    } else if ((flags & VIRTIO_NET_HDR_F_DATA_VALID) !== 0) {
      netbuf.flags = NETBUF_F_DATA_VALID;
    }
    received[kept++] = netbuf;
  }
  return kept;
}

/**
 * Has the card complete the checksum of a packet: writes into the header at `header`, which is clear
 * (§5.1.6.2.1). For a card with VIRTIO_NET_F_CSUM.
 */
export function writeChecksum(netbuf: Netbuf, header: number): void {
  const { u8, u16 } = netbuf.region;
  u8[header + VIRTIO_NET_HDR_FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  u16[(header + VIRTIO_NET_HDR_CSUM_START) >>> 1] = netbuf.csumStart;
  u16[(header + VIRTIO_NET_HDR_CSUM_OFFSET) >>> 1] = netbuf.csumOffset;
}
