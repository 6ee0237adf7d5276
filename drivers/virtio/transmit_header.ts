import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { FeatureSet } from "./features.ts";
import { virtioNetHeaderBytes } from "./virtio_net_header.ts";

/**
 * Writes the header of a packet to be sent at the offset `header` of a region, such that the packet
 * behind it begins at 2 mod 4, as Ethernet headers do.
 */
export type TransmitHeaderWriter = (region: DmaRegion, header: number) => void;

/** The writer for what was negotiated, chosen once, so that no packet pays for what it hasn't got. */
export function transmitHeaderWriter(negotiated: FeatureSet): TransmitHeaderWriter {
  const writer = CLEARING.get(virtioNetHeaderBytes(negotiated));
  if (writer === undefined) throw new Error("a header of a length that the specification hasn't");
  return writer;
}

/** The same for a header of `bytes` in front of a packet anywhere, at even offsets. */
export function clearHeader(region: DmaRegion, header: number, bytes: number): void {
  const { u16 } = region;
  const end = (header + bytes) >>> 1;
  for (let i = header >>> 1; i < end; i++) u16[i] = 0;
}

/*
 * All zero: no checksum, no segmentation, num_buffers 0 (virtio 1.2 §5.1.6.2), no hash. The device wrote
 * its own header there, when the netbuf came to be received into. A loop would take twice as long.
 */

/** 10 bytes, which begin at 0 mod 4. */
function clear10({ u16, u32 }: DmaRegion, header: number): void {
  const first = header >> 2;
  u32[first] = 0;
  u32[first + 1] = 0;
  u16[(header + 8) >> 1] = 0;
}

/** 12 bytes, which begin at 2 mod 4. */
function clear12({ u16, u32 }: DmaRegion, header: number): void {
  const second = (header + 2) >> 2;
  u16[header >> 1] = 0;
  u32[second] = 0;
  u32[second + 1] = 0;
  u16[(header + 10) >> 1] = 0;
}

/** 20 bytes, likewise. */
function clear20({ u16, u32 }: DmaRegion, header: number): void {
  const second = (header + 2) >> 2;
  u16[header >> 1] = 0;
  u32[second] = 0;
  u32[second + 1] = 0;
  u32[second + 2] = 0;
  u32[second + 3] = 0;
  u16[(header + 18) >> 1] = 0;
}

/** By the length of the header. */
const CLEARING: ReadonlyMap<number, TransmitHeaderWriter> = new Map([
  [10, clear10],
  [12, clear12],
  [20, clear20],
]);
