import { type NetdevQueueStats, type NetdevStats, sumOfDrops } from "../netdev/netdev_stats.ts";
import type { HostCounters } from "../stack/mod.ts";

/** What is counted of one device and the host on it. */
export interface DeviceCounters {
  /** The name of the device. */
  readonly device: string;
  readonly netdev: NetdevStats;
  readonly interface: InterfaceCounters;
  readonly host: HostCounters;
}

/** What is counted between a device and the host on it. A type, not an interface, as it's JSON too. */
export type InterfaceCounters = {
  /** Times the device was brought back after it had failed. */
  readonly resets: number;
  /** Times it was taken out, and times another was put in its place. */
  readonly unplugs: number;
  readonly plugs: number;
  /** Frames dropped there, by the name of the reason. */
  readonly drops: Readonly<Record<string, number>>;
  /** What the scheduler did with each receive queue, where it tells queues apart. */
  readonly rxPolls: readonly Readonly<Record<string, number>>[];
};

/** All there is to count at the end of a run. */
export interface Counters {
  readonly devices: readonly DeviceCounters[];
  readonly loop: Readonly<Record<string, number>>;
}

/** A part of the house, and what was counted there. */
type Line = readonly [part: string, counters: Readonly<Record<string, unknown>>];

/**
 * The counters that aren't zero, a line for each part of the house; each device's lines begin with
 * its name, where there are several.
 */
export function countersText({ devices, loop }: Counters): string {
  const lines = devices.flatMap((counters): Line[] => {
    const name = devices.length === 1 ? "" : `${counters.device} `;
    return deviceLines(counters).map(([part, values]): Line => [`${name}${part}`, values]);
  });
  const all: Line[] = [...lines, ["loop", loop]];
  const width = Math.max(8, ...all.map(([part]) => part.length));
  return all.map(([part, values]) => `  ${part.padEnd(width)} ${nonZero(values)}`).join("\n");
}

/**
 * A device with its queues where there are several, the host on it, and what was dropped by either or
 * between them: what a reason is called tells by whom.
 */
function deviceLines({ netdev, interface: between, host }: DeviceCounters): Line[] {
  return [
    ["device", { ...netdev, ...between }],
    ...queueLines("rx", netdev.rxQueues, between.rxPolls),
    ...queueLines("tx", netdev.txQueues, []),
    ["stack", { ...host }],
    ["dropped", sumOfDrops([netdev.drops, between.drops, host.drops])],
  ];
}

/** What a single queue has counted is told by the device's totals, but for how it was polled. */
function queueLines(
  direction: string,
  queues: readonly NetdevQueueStats[],
  polls: InterfaceCounters["rxPolls"],
): Line[] {
  const several = queues.length > 1;
  if (!several && polls.length === 0) return [];
  return queues.map(({ ring, ...counts }, queue) => {
    const own = several ? { ...counts, ringUsed: ring?.used ?? 0 } : {};
    return [`${direction} ${queue}`, { ...own, ...polls[queue] }];
  });
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
