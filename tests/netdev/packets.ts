import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";

/** What lies in the buffers of a pool from before. None of it may be sent or delivered. */
const STALE_BYTE = 0xee;

/** A packet of these pieces, each in a netbuf of the pool of its own. */
export function packetOf(pool: NetbufPool, ...pieces: readonly Uint8Array[]): Netbuf {
  const netbufs = pieces.map((bytes) => {
    const netbuf = pool.alloc();
    if (netbuf === null) throw new Error("the pool of the test is dry");
    netbuf.region.u8.set(bytes, netbuf.data);
    netbuf.length = bytes.length;
    return netbuf;
  });
  for (const piece of netbufs.slice(1)) netbufs[0].append(piece);
  return netbufs[0];
}

/** The bytes of a packet over all its pieces. */
export function packetBytes(netbuf: Netbuf): number[] {
  const bytes: number[] = [];
  for (let piece: Netbuf | null = netbuf; piece !== null; piece = piece.next) {
    bytes.push(...piece.region.u8.subarray(piece.data, piece.data + piece.length));
  }
  return bytes;
}

/** Receives a burst of up to `count` netbufs on a queue. */
export function burstOf(netdev: Netdev, count: number, queue = 0): Netbuf[] {
  const netbufs: Netbuf[] = [];
  return netbufs.slice(0, netdev.rxBurst(queue, netbufs, count));
}

/** Receives a burst as bytes, and frees it. */
export function receivedBy(netdev: Netdev, count: number, queue = 0): number[][] {
  return burstOf(netdev, count, queue).map((netbuf) => {
    const bytes = packetBytes(netbuf);
    netbuf.free();
    return bytes;
  });
}

/** Fills all netbufs of a pool that are free with rubbish. */
export function soil(pool: NetbufPool): void {
  const netbufs: Netbuf[] = [];
  for (let netbuf = pool.alloc(); netbuf !== null; netbuf = pool.alloc()) {
    netbuf.region.u8.fill(STALE_BYTE, netbuf.start, netbuf.end);
    netbufs.push(netbuf);
  }
  for (const netbuf of netbufs) netbuf.free();
}
