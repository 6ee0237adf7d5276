import { dropReason } from "./drop_reasons.ts";

/** Descriptors of a queue. */
export type NetdevRingStats = {
  /** How many there are. */
  readonly size: number;
  /** How many of them hold a buffer that the device was lent and that was not taken back yet. */
  readonly used: number;
};

/**
 * What a driver counts at one queue since that was set up. The object that is the queue may be this
 * as well: netdev reads it at once and keeps nothing of it. What a driver can't tell it leaves out.
 */
export interface NetdevQueueCounters {
  /** Packets handed to the user, or taken from it. */
  readonly packets: number;
  /** Their bytes, from the Ethernet header on, without checksum. */
  readonly bytes: number;
  /** Frames that the driver dropped, by reasons that are declared (`dropCounters`). */
  readonly drops: Readonly<Record<string, number>>;
  /** Interrupts taken. */
  readonly interrupts?: number;
  /** Times the device was told of new buffers. */
  readonly kicks?: number;
  /** Times it had asked not to be told. */
  readonly kicksSuppressed?: number;
  /** Refills that found the pool dry: receive queues only. */
  readonly underruns?: number;
  /** Left out by a driver without descriptors. */
  readonly ring?: NetdevRingStats;
}

/** All that a driver counts: {@link netdevStats} makes the totals. */
export interface NetdevCounters {
  /** Those of each receive queue that is set up. */
  readonly rxQueues: readonly NetdevQueueCounters[];
  /** Those of each transmit queue that is set up. */
  readonly txQueues: readonly NetdevQueueCounters[];
  /** Interrupts that were for no queue: a link that changed, a device that failed. */
  readonly configInterrupts?: number;
}

/** A snapshot of what was counted at one queue. A type, not an interface, as it's JSON too. */
export type NetdevQueueStats = {
  /** Packets handed to the user, or taken from it. */
  readonly packets: number;
  /** Their bytes, from the Ethernet header on, without checksum. */
  readonly bytes: number;
  /** Frames among {@link NetdevQueueStats.drops} that something was wrong with. */
  readonly errors: number;
  /** The others: good frames without room, or without a receiver. */
  readonly dropped: number;
  /** Interrupts taken. */
  readonly interrupts: number;
  /** Times the device was told of new buffers. */
  readonly kicks: number;
  /** Times it had asked not to be told. */
  readonly kicksSuppressed: number;
  /** Refills that found the pool dry. */
  readonly underruns: number;
  /** Its descriptors; null when there are none. */
  readonly ring: NetdevRingStats | null;
  /** Frames that the driver dropped, by the name of the reason, zeros too. */
  readonly drops: Readonly<Record<string, number>>;
};

/** A snapshot of what was counted at a device since its queues were set up: sums over these. */
export type NetdevStats = {
  /** Packets handed to the user. */
  readonly rxPackets: number;
  /** Their bytes, from the Ethernet header on, without checksum. */
  readonly rxBytes: number;
  /** Frames received that something was wrong with. */
  readonly rxErrors: number;
  /** Good frames received, and dropped by the driver. */
  readonly rxDropped: number;
  /** Packets taken from the user. */
  readonly txPackets: number;
  /** Their bytes, likewise. */
  readonly txBytes: number;
  /** Frames to be sent that something was wrong with. */
  readonly txErrors: number;
  /** Good frames to be sent, and dropped by the driver. */
  readonly txDropped: number;
  /** Interrupts of queues. */
  readonly interrupts: number;
  /** Interrupts that were for no queue. */
  readonly configInterrupts: number;
  /** Times the device was told of new buffers. */
  readonly kicks: number;
  /** Times it had asked not to be told. */
  readonly kicksSuppressed: number;
  /** Refills that found the pool dry. */
  readonly rxUnderruns: number;
  /** Frames that the driver dropped, by the name of the reason, zeros too. */
  readonly drops: Readonly<Record<string, number>>;
  /** The same of each receive queue. */
  readonly rxQueues: readonly NetdevQueueStats[];
  /** The same of each transmit queue. */
  readonly txQueues: readonly NetdevQueueStats[];
};

/**
 * A snapshot of a driver's counters, with all that can be summed up from them.
 * `NetdevError("EINVAL")` for a drop reason that nobody has declared.
 */
export function netdevStats(counters: NetdevCounters): NetdevStats {
  const rxQueues = counters.rxQueues.map(queueStats);
  const txQueues = counters.txQueues.map(queueStats);
  const queues = [...rxQueues, ...txQueues];
  return {
    rxPackets: sum(rxQueues, ({ packets }) => packets),
    rxBytes: sum(rxQueues, ({ bytes }) => bytes),
    rxErrors: sum(rxQueues, ({ errors }) => errors),
    rxDropped: sum(rxQueues, ({ dropped }) => dropped),
    txPackets: sum(txQueues, ({ packets }) => packets),
    txBytes: sum(txQueues, ({ bytes }) => bytes),
    txErrors: sum(txQueues, ({ errors }) => errors),
    txDropped: sum(txQueues, ({ dropped }) => dropped),
    interrupts: sum(queues, ({ interrupts }) => interrupts),
    configInterrupts: counters.configInterrupts ?? 0,
    kicks: sum(queues, ({ kicks }) => kicks),
    kicksSuppressed: sum(queues, ({ kicksSuppressed }) => kicksSuppressed),
    rxUnderruns: sum(rxQueues, ({ underruns }) => underruns),
    drops: sumOfDrops(queues.map(({ drops }) => drops)),
    rxQueues,
    txQueues,
  };
}

/** The sum of several sets of counters, name by name. */
export function sumOfDrops(
  all: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const total: Record<string, number> = {};
  for (const drops of all) {
    for (const [name, count] of Object.entries(drops)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

function queueStats(queue: NetdevQueueCounters): NetdevQueueStats {
  const counts = Object.entries(queue.drops);
  return {
    packets: queue.packets,
    bytes: queue.bytes,
    errors: sum(counts, ([name, count]) => dropReason(name).isError ? count : 0),
    dropped: sum(counts, ([name, count]) => dropReason(name).isError ? 0 : count),
    interrupts: queue.interrupts ?? 0,
    kicks: queue.kicks ?? 0,
    kicksSuppressed: queue.kicksSuppressed ?? 0,
    underruns: queue.underruns ?? 0,
    ring: queue.ring === undefined ? null : { size: queue.ring.size, used: queue.ring.used },
    drops: { ...queue.drops },
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
