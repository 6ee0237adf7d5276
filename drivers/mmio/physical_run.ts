/** Pages that lie behind each other in the machine. */
export interface PhysicalRun {
  /** The first one, and how many they are. */
  readonly start: number;
  readonly count: number;
  /** The physical address of the first one. */
  readonly address: number;
}

/**
 * The longest run of pages, each of which lies `pageBytes` behind the one before it, by their physical
 * addresses; the first one of several. Null when all addresses are unknown.
 */
export function longestRun(
  addresses: readonly (number | null)[],
  pageBytes: number,
): PhysicalRun | null {
  let best: PhysicalRun | null = null;
  for (let start = 0; start < addresses.length;) {
    const address = addresses[start];
    let count = 1;
    if (address !== null) {
      while (addresses[start + count] === address + count * pageBytes) count++;
      if (best === null || count > best.count) best = { start, count, address };
    }
    start += count;
  }
  return best;
}

/** The pages by their physical addresses, those without one at the end. */
export function sortedPages(addresses: readonly (number | null)[]): number[] {
  const at = (page: number): number => addresses[page] ?? Number.MAX_VALUE;
  return [...addresses.keys()].toSorted((a, b) => at(a) - at(b));
}
