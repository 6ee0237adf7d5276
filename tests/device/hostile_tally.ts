/** What came of the lives so far. */
export interface HostileTally {
  steps: number;
  lives: number;
  pings: number;
  resets: number;
  givenUp: number;
  /** How often each fault was tried. */
  readonly faults: Map<string, number>;
  /** Frames that drivers dropped, by reason. */
  readonly drops: Map<string, number>;
}

/** Nothing yet. */
export function emptyTally(): HostileTally {
  const faults = new Map<string, number>();
  return { steps: 0, lives: 0, pings: 0, resets: 0, givenUp: 0, faults, drops: new Map() };
}
