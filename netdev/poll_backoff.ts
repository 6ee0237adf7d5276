/** Empty rounds in a row without any pause: some microseconds, more than a busy partner leaves empty. */
const PATIENCE = 128;

/** Pauses between two rounds at the most: together some 300 ns, by which a lone packet may come late. */
const MOST_PAUSES = 8;

/** How many pauses there are after so many empty rounds in a row: one more for each {@link PATIENCE}. */
export function pausesAfter(emptyRounds: number): number {
  const pauses = emptyRounds / PATIENCE | 0;
  return pauses < MOST_PAUSES ? pauses : MOST_PAUSES;
}

/**
 * Leaves the other side alone for a while, longer the longer nothing has come: each look at an index
 * takes the cache line away from the side that is to write it. A pause is the processor's instruction
 * for such loops, about 35 ns here, which also leaves the core to a sibling thread.
 */
export function backOff(emptyRounds: number): void {
  for (let left = pausesAfter(emptyRounds); left > 0; left--) Atomics.pause();
}
