import type { Netbuf } from "../../netdev/netbuf.ts";
import { type FeatureSet, hasFeature } from "./features.ts";
import * as virtioNetHeader from "./virtio_net_header.ts";

// A constant of the module, which V8 compiles in; an import it fetches and checks at each use.
const { VIRTIO_NET_HDR_NUM_BUFFERS } = virtioNetHeader;

/**
 * Reads what the device wrote in front of a frame, at the even offset `header` of the netbuf's region,
 * and returns over how many buffers the frame is spread. Nothing of it is checked yet.
 */
export type ReceiveHeaderReader = (netbuf: Netbuf, header: number) => number;

/** The reader for what was negotiated, chosen once, so that no frame pays for what it hasn't got. */
export function receiveHeaderReader(negotiated: FeatureSet): ReceiveHeaderReader {
  return hasFeature(negotiated, "VIRTIO_NET_F_MRG_RXBUF") ? readMerged : readSingle;
}

/** A frame is in one buffer; num_buffers, where it's there at all, says nothing (§5.1.6.4). */
function readSingle(_netbuf: Netbuf, _header: number): number {
  return 1;
}

function readMerged(netbuf: Netbuf, header: number): number {
  return netbuf.region.u16[(header + VIRTIO_NET_HDR_NUM_BUFFERS) >>> 1];
}
