import type { Goal, Section } from "../peers/row.ts";
import { type BootTimes, STAGES } from "./boot_times.ts";
import { firstAnswer } from "./first_answer.ts";
import { GuestSamples } from "./guest_samples.ts";
import type { Guest } from "./guests.ts";
import type { VmPace } from "./pace.ts";
import { RunningGuest } from "./running_guest.ts";

const GOAL: Goal = { of: "ratio", bound: "at most", value: 1.2 };

interface Boot {
  readonly times: BootTimes;
  /** Milliseconds from QEMU's start to the first answered ping. */
  readonly firstAnswer: number;
}

/** From power-on to the first answered ping, and where the time goes. */
export async function boot(pace: VmPace): Promise<Section> {
  const boots = await GuestSamples.take(pace, bootOnce);
  const rows = [
    boots.row("first ping answered", "ms", ({ firstAnswer }) => firstAnswer, GOAL),
    ...STAGES.map(({ name, of }) =>
      boots.row(`  ${name}`, "ms", ({ times, firstAnswer }) => of(times, firstAnswer))
    ),
  ];
  rows.forEach(pace.say);
  return {
    title: "From power-on to the first answered ping",
    notes: [
      "Pinged every 5 ms since QEMU was started, until the first answer. firmware: to the beginning of",
      "the kernel's clock; kernel: to the first process; program: to that one's first line (Deno and the",
      "script that it loads; a shell has none to speak of); modules: to when the last is loaded; driver:",
      "to when there is an address; first packet: to the answer, and less than nothing where the line on",
      "the console comes after it.",
    ],
    rows,
  };
}

async function bootOnce(guest: Guest, machine: VmPace["machine"]): Promise<Boot> {
  await using running = await RunningGuest.start(guest, machine);
  const answered = await firstAnswer(running);
  const times = await running.until("the times", () => guest.times(running.console.lines));
  return { times, firstAnswer: answered };
}
