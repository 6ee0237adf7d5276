import { meanOf, pingSummary } from "../../tests/integration/ping_summary.ts";
import { HOST_IP } from "../../tests/stack/frames.ts";
import type { Goal, Section } from "../peers/row.ts";
import { firstAnswer } from "./first_answer.ts";
import { GuestSamples } from "./guest_samples.ts";
import type { Guest } from "./guests.ts";
import type { VmPace } from "./pace.ts";
import { RunningGuest } from "./running_guest.ts";

const PINGS = 5000;
/** Until V8 has compiled all of the path: on an emulated processor that takes seconds. */
const WARM_UP = 15_000;
const GOAL: Goal = { of: "ratio", bound: "at most", value: 1 };

interface Flood {
  /** Mean round trip of the first pings after the boot, and of as many after the warm-up; µs. */
  readonly first: number;
  readonly again: number;
  /** Of all of them. */
  readonly lost: number;
}

/** How long a ping takes, by Linux's own. */
export async function ping(pace: VmPace): Promise<Section> {
  const floods = await GuestSamples.take(pace, floodOnce);
  const rows = [
    floods.row(`ping -f -c ${PINGS}`, "µs", ({ first }) => first, GOAL),
    floods.row(`after ${WARM_UP} more`, "µs", ({ again }) => again, GOAL),
    floods.row("lost", "pings", ({ lost }) => lost, { of: "ours", bound: "at most", value: 0 }),
  ];
  rows.forEach(pace.say);
  return {
    title: "Round trips of ping -f",
    notes: [
      `Linux's ping on the TAP interface that the card is on, ${PINGS} requests right after the boot, the`,
      `next when the last was answered, and as many after ${WARM_UP} more: the mean of each.`,
    ],
    rows,
  };
}

async function floodOnce(guest: Guest, machine: VmPace["machine"]): Promise<Flood> {
  await using running = await RunningGuest.start(guest, machine);
  await firstAnswer(running);
  await running.until("the times", () => guest.times(running.console.lines));
  const outputs: string[] = [];
  for (const pings of [PINGS, WARM_UP, PINGS]) {
    outputs.push(await running.linux.must("ping", "-q", "-f", "-c", `${pings}`, HOST_IP));
  }
  const lost = outputs.map(pingSummary).reduce(
    (sum, { sent, received }) => sum + sent - received,
    0,
  );
  const [first, , again] = outputs.map(meanOf);
  return { first, again, lost };
}
