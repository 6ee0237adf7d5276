import { fail } from "@std/assert";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import { fillNetbuf } from "./host_fixture.ts";

/**
 * A frame as a chain that is cut at these positions. Behind the first piece, each one's data begins
 * `shifts[i]` bytes before where a new netbuf's does, the last number for all that follow; 0 unless
 * given.
 */
export function makeChain(
  pool: NetbufPool,
  frame: Uint8Array,
  cuts: readonly number[],
  shifts: readonly number[] = [],
): Netbuf {
  let chain: Netbuf | null = null;
  [...cuts, frame.length].forEach((end, i) => {
    const netbuf = pool.alloc() ?? fail("the pool is dry");
    if (i > 0) netbuf.data -= shifts[Math.min(i, shifts.length) - 1] ?? 0;
    fillNetbuf(netbuf, frame.subarray(cuts[i - 1] ?? 0, end));
    if (chain === null) chain = netbuf;
    else chain.append(netbuf);
  });
  return chain ?? fail("a chain of nothing");
}
