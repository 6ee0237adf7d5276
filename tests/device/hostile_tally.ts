/** What came of the lives so far. */
export interface HostileTally {
  steps: number;
  lives: number;
  pings: number;
  resets: number;
  givenUp: number;
  /** Where that's watched, reads of shared memory, and what the card did right after one. */
  reads: number;
  meddled: number;
  /** How often each fault was tried. */
  readonly faults: Map<string, number>;
  /** Frames that drivers dropped, by reason. */
  readonly drops: Map<string, number>;
  /** Lives by transport and by the way that it interrupted at first. */
  readonly ways: Map<string, number>;
}

/** Nothing yet. */
export function emptyTally(): HostileTally {
  const none = { steps: 0, lives: 0, pings: 0, resets: 0, givenUp: 0, reads: 0, meddled: 0 };
  return { ...none, faults: new Map(), drops: new Map(), ways: new Map() };
}

/** Counts `name`, `times` times. */
export function count(counts: Map<string, number>, name: string, times = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + times);
}
