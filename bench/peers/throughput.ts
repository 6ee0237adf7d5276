import { alternate } from "./alternate.ts";
import type { FrontEndOptions, StartFrontEnd } from "./front_ends.ts";
import type { Pace } from "./pace.ts";
import { PcapGenerator } from "./pcap_generator.ts";
import { type Goal, type Row, row, type Section } from "./row.ts";

/** Bytes of a frame in memory, without FCS. */
const FRAMES = [64, 512, 1514];
const RINGS: readonly Pick<FrontEndOptions, "ring" | "ringSize">[] = [
  { ring: "split", ringSize: 256 },
  { ring: "split", ringSize: 1024 },
  { ring: "packed", ringSize: 256 },
  { ring: "packed", ringSize: 1024 },
];
const GOAL: Goal = { of: "ratio", bound: "at least", value: 1.1 };

/** How many a second: DPDK's back-end gives and takes, the same for both sides. */
export async function throughput(pace: Pace): Promise<Section> {
  const rows: Row[] = [];
  for (const frameBytes of FRAMES) {
    for (const ring of RINGS) {
      const [ours, peer] = await alternate(pace, (start) => rate(start, frameBytes, ring, pace));
      const name = `${frameBytes} B, ${ring.ring} ${ring.ringSize}`;
      rows.push(row(name, "M echoes/s", ours, peer, frameBytes === 64 ? GOAL : null));
      pace.say(rows[rows.length - 1]);
    }
  }
  return {
    title: "Throughput, from DPDK's net_vhost",
    notes: [
      "A frame's bytes are those in memory, without FCS. testpmd with net_pcap and net_vhost on core 0",
      "gives requests in bursts of 32 as fast as they are taken, and counts what comes back from the",
      "front-end on core 1. It is often the limit: that both are as fast then is no news.",
    ],
    rows,
  };
}

async function rate(
  start: StartFrontEnd,
  frameBytes: number,
  ring: Pick<FrontEndOptions, "ring" | "ringSize">,
  pace: Pace,
): Promise<number> {
  await using generator = await PcapGenerator.start(frameBytes);
  await using _frontEnd = await start({ socket: generator.socket, ...ring });
  await generator.rate(pace.warmUp);
  return await generator.rate(pace.measure) / 1e6;
}
