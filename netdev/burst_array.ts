import type { Netbuf } from "./netbuf.ts";

/**
 * An array with places for `count` netbufs, for bursts that go into it over and over: of full length from
 * the start, as a place that has to be made costs ten instructions. Not by `new Array(count)`, in which V8
 * looks for a hole at each load. No place is to be read before a netbuf was put there.
 */
export function burstArray(count: number): Netbuf[] {
  return Array.from({ length: count }, () => null) as unknown[] as Netbuf[];
}
