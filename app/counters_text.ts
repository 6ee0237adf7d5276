import type { NetdevStats } from "../netdev/netdev_stats.ts";
import type { HostCounters } from "../stack/mod.ts";

/** All there is to count at the end of a run. */
export interface Counters {
  readonly netdev: NetdevStats;
  readonly host: HostCounters;
  readonly loop: Readonly<Record<string, number>>;
}

/** The counters that aren't zero, a line for each part of the house. */
export function countersText({ netdev, host, loop }: Counters): string {
  const lines: [string, Readonly<Record<string, unknown>>][] = [
    ["device", { ...netdev, ...netdev.drops }],
    ["stack", { ...host }],
    ["dropped", host.drops],
    ["loop", loop],
  ];
  return lines.map(([part, counters]) => `  ${part.padEnd(8)} ${nonZero(counters)}`).join("\n");
}

function nonZero(counters: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(counters).filter(([, value]) =>
    typeof value === "number" && value !== 0
  );
  if (shown.length === 0) return "nothing";
  return shown.map(([name, value]) => `${words(name)} ${value}`).join(", ");
}

/** `rxPackets` or `ipv4_fragment` as words. */
function words(name: string): string {
  return name.replaceAll("_", " ").replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
