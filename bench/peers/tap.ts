import type { Pace } from "./pace.ts";
import { type Goal, type Row, row, type Section, type Side, side } from "./row.ts";
import { type PingFigures, pingPeers } from "./tap_peers.ts";

const PINGS = 20_000;
const WINDOW = 32;
/** Of each comparison with Linux. */
const GOAL: Goal = { of: "ratio", bound: "at most", value: 1 };

interface Column {
  readonly name: string;
  readonly unit: string;
  readonly of: (figures: PingFigures) => readonly number[];
  readonly goal: Goal | null;
}

const COLUMNS: readonly Column[] = [
  { name: "ping -f", unit: "µs", of: ({ roundTrip }) => roundTrip, goal: GOAL },
  { name: "ping -f", unit: "echoes/s", of: ({ echoes }) => echoes, goal: null },
  { name: `ping -f -l ${WINDOW}`, unit: "echoes/s", of: ({ crowded }) => crowded, goal: null },
];

/** What else answers ping: Linux itself, and a script of Scapy. */
export async function tap(pace: Pace): Promise<Section> {
  const all = await pingPeers({ rounds: pace.rounds, pings: PINGS, window: WINDOW });
  const ours = all.find(({ name }) => name.startsWith("ukdeno"));
  if (ours === undefined) throw new Error("ukdeno is not among those that were pinged");
  const rows: Row[] = COLUMNS.flatMap(({ name, unit, of, goal }) => {
    const own: Side = side("ukdeno", of(ours));
    return all.filter((peer) => peer !== ours).map((peer) => {
      const isLinux = peer.name.startsWith("Linux");
      const against = `${name}, ${peer.name}`;
      return row(against, unit, own, side(peer.name, of(peer)), isLinux ? goal : null);
    });
  });
  rows.forEach(pace.say);
  return {
    title: "What else answers ping, on a TAP interface",
    notes: [
      `Linux's ping, ${PINGS} requests a round, in network namespaces of their own: the mean round`,
      "trip, and how many there were in a second.",
    ],
    rows,
  };
}
