import type { DropReasonInfo } from "../netdev/drop_reasons.ts";
import { ARPHRD_ETHER } from "../netdev/net_device.ts";
import type { NetdevEinfo } from "../netdev/einfo.ts";
import type { NetdevQueueStats, NetdevStats } from "../netdev/netdev_stats.ts";

/** How many are in use, and how many there could be. */
export type Share = { readonly now: number; readonly most: number };

/** All that there is to tell of a device. A type, not an interface, as it's printed as JSON too. */
export type DeviceInfo = {
  readonly device: string;
  readonly driver: string;
  readonly bus: string;
  /** What the driver knows of the hardware beyond that. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly mac: string;
  /** Hardware type, `ARPHRD_…`. */
  readonly type: number;
  /** Names of what it's able to send. */
  readonly flags: readonly string[];
  readonly broadcast: string;
  /** Bytes of the link layer's header. */
  readonly hardHeaderLength: number;
  readonly txQueueLength: number;
  readonly mtu: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly link: boolean;
  readonly promiscuous: boolean;
  readonly queues: { readonly rx: Share; readonly tx: Share };
  /** Descriptors of each queue. */
  readonly rings: { readonly rx: readonly Share[]; readonly tx: readonly Share[] };
  readonly vectors: readonly { readonly name: string; readonly use: string }[];
  readonly features: {
    readonly offered: readonly string[];
    readonly negotiated: readonly string[];
  };
  /** What a command line or the driver gave it, in uk_netdev's names. */
  readonly einfo: NetdevEinfo;
  readonly counters: NetdevStats;
  /** Why frames are dropped, by whatever part of the house. */
  readonly dropReasons: readonly DropReasonInfo[];
};

/** One line: a name and what is behind it. */
type Row = readonly [name: string, value: string];

const NONE: readonly Row[] = [["none", ""]];

/** A device for people, in the sections of ethtool(8): `-i`, `-l`, `-g`, `-k`, `-S`. */
export function infoText(info: DeviceInfo): string {
  const { device, features, counters } = info;
  const { drops, rxQueues, txQueues, ...totals } = counters;
  return [
    section(`Settings for ${device}`, settings(info)),
    section(`Queues of ${device}, in use of possible`, [
      ["RX", share(info.queues.rx)],
      ["TX", share(info.queues.tx)],
    ]),
    section(`Ring sizes of ${device}, in use of possible`, [
      ...info.rings.rx.map((ring, queue): Row => [`RX ${queue}`, share(ring)]),
      ...info.rings.tx.map((ring, queue): Row => [`TX ${queue}`, share(ring)]),
    ]),
    section(
      `Interrupts of ${device}`,
      info.vectors.map(({ name, use }): Row => [name, use]),
    ),
    section(
      `Features that ${device} offers, on when negotiated`,
      features.offered.map((name): Row => [name, onOff(features.negotiated.includes(name))]),
    ),
    section(`Addresses and names given to ${device}`, Object.entries(info.einfo)),
    section(`Counters of ${device}`, [
      ...numbers(totals),
      ...rxQueues.flatMap((queue, id) => queueNumbers(`rx_queue_${id}`, queue)),
      ...txQueues.flatMap((queue, id) => queueNumbers(`tx_queue_${id}`, queue)),
    ]),
    section(`Frames that the driver of ${device} dropped`, numbers(drops)),
    ...reasonSections(info.dropReasons),
  ].join("\n");
}

function settings(info: DeviceInfo): Row[] {
  return [
    ["driver", info.driver],
    ["bus", info.bus],
    ...info.facts,
    ["MAC", info.mac],
    ["type", info.type === ARPHRD_ETHER ? "Ethernet" : String(info.type)],
    ["flags", info.flags.join(" ")],
    ["broadcast", info.broadcast],
    ["header", `${info.hardHeaderLength} bytes`],
    ["TX queue length", String(info.txQueueLength)],
    ["MTU", `${info.mtu}, from ${info.minMtu} to ${info.maxMtu}`],
    ["link", info.link ? "up" : "down"],
    ["promiscuous", onOff(info.promiscuous)],
  ];
}

function section(title: string, rows: readonly Row[]): string {
  const shown = rows.length === 0 ? NONE : rows;
  const width = Math.max(20, ...shown.map(([name]) => name.length + 1));
  const lines = shown.map(([name, value]) =>
    value === "" ? `  ${name}` : `  ${`${name}:`.padEnd(width)} ${value}`
  );
  return [`${title}:`, ...lines].join("\n");
}

function numbers(counters: Readonly<Record<string, number>>, of = ""): Row[] {
  return Object.entries(counters).map(([name, count]) => [of + snakeCase(name), String(count)]);
}

/** What was dropped at a queue is told by the device's reasons; here it's just how many. */
function queueNumbers(queueName: string, queue: NetdevQueueStats): Row[] {
  const { ring, drops: _byReason, ...counts } = queue;
  const used = ring === null ? {} : { ringUsed: ring.used };
  return numbers({ ...counts, ...used }, `${queueName}_`);
}

/** What each reason means: a section for each layer. */
function reasonSections(reasons: readonly DropReasonInfo[]): string[] {
  const layers = new Set(reasons.map(({ layer }) => layer));
  return [...layers].map((layer) => {
    const own = reasons.filter((reason) => reason.layer === layer);
    return section(
      `Drop reasons of ${layer}`,
      own.map(({ name, meaning }): Row => [name, meaning]),
    );
  });
}

/** `rxPackets` as ethtool's drivers write it: `rx_packets`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function share({ now, most }: Share): string {
  return `${now} of ${most}`;
}

function onOff(on: boolean): string {
  return on ? "on" : "off";
}
