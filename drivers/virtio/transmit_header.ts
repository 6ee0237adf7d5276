import type { Netbuf } from "../../netdev/netbuf.ts";
import type { FeatureSet } from "./features.ts";
import { virtioNetHeaderBytes } from "./virtio_net_header.ts";

/** Writes the header of a packet to be sent at the even offset `header` of the netbuf's region. */
export type TransmitHeaderWriter = (netbuf: Netbuf, header: number) => void;

/** The writer for what was negotiated, chosen once, so that no packet pays for what it hasn't got. */
export function transmitHeaderWriter(negotiated: FeatureSet): TransmitHeaderWriter {
  const writer = CLEARING.get(virtioNetHeaderBytes(negotiated));
  if (writer === undefined) throw new Error("a header of a length that the specification hasn't");
  return writer;
}

/*
 * All zero: no checksum, no segmentation, num_buffers 0 (virtio 1.2 §5.1.6.2), no hash. The device wrote
 * its own header there, when the netbuf came to be received into. A loop would take twice as long.
 */

function clear10(netbuf: Netbuf, header: number): void {
  const { u16 } = netbuf.region;
  const first = header >>> 1;
  u16[first] = 0;
  u16[first + 1] = 0;
  u16[first + 2] = 0;
  u16[first + 3] = 0;
  u16[first + 4] = 0;
}

function clear12(netbuf: Netbuf, header: number): void {
  const { u16 } = netbuf.region;
  const first = header >>> 1;
  u16[first] = 0;
  u16[first + 1] = 0;
  u16[first + 2] = 0;
  u16[first + 3] = 0;
  u16[first + 4] = 0;
  u16[first + 5] = 0;
}

function clear20(netbuf: Netbuf, header: number): void {
  clear12(netbuf, header);
  const { u16 } = netbuf.region;
  const first = (header >>> 1) + 6;
  u16[first] = 0;
  u16[first + 1] = 0;
  u16[first + 2] = 0;
  u16[first + 3] = 0;
}

/** By the length of the header. */
const CLEARING: ReadonlyMap<number, TransmitHeaderWriter> = new Map([
  [10, clear10],
  [12, clear12],
  [20, clear20],
]);
