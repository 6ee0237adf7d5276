/** What ping(8) of iputils printed, taken apart. */
export interface PingSummary {
  readonly sent: number;
  readonly received: number;
  /** Duplicates, errors and damaged data, as ping names them. */
  readonly trouble: readonly string[];
}

/** Reads the output of ping(8). */
export function pingSummary(output: string): PingSummary {
  const counts = /^(\d+) packets transmitted, (\d+) received(.*)/m.exec(output);
  if (counts === null) throw new Error(`no summary of ping in: ${output}`);
  const [, sent, received, rest] = counts;
  const inSummary = [...rest.matchAll(/\+\d+ \w+/g)].map(([word]) => word);
  const inLines = output.match(/DUP!|BAD CHECKSUM|wrong data byte|truncated|Unreachable/g) ?? [];
  return { sent: Number(sent), received: Number(received), trouble: [...inSummary, ...inLines] };
}

/** The mean round-trip time that ping(8) printed, in microseconds. */
export function meanOf(output: string): number {
  const mean = /^rtt min\/avg\/max\/mdev = [\d.]+\/([\d.]+)\//m.exec(output)?.[1];
  if (mean === undefined) throw new Error(`no times of ping in: ${output}`);
  return 1000 * Number(mean);
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
