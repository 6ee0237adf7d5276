import { cpuSeconds, residentBytes } from "../../tests/integration/proc.ts";
import type { Section } from "../peers/row.ts";
import { numberIn } from "./console_lines.ts";
import { firstAnswer } from "./first_answer.ts";
import { GuestSamples } from "./guest_samples.ts";
import type { Guest } from "./guests.ts";
import type { VmPace } from "./pace.ts";
import { RunningGuest } from "./running_guest.ts";

/** What a start leaves behind is over by then. */
const SETTLE_MS = 3000;
const IDLE_MS = 10_000;

const KIB = 1024;
const MIB = 1024 * KIB;

interface Size {
  /** MiB: files, QEMU's resident memory, what the guest has taken of its own, and our process. */
  readonly files: number;
  readonly qemu: number;
  readonly used: number;
  readonly resident: number;
  /** Of a core, in percent. */
  readonly idleCpu: number;
}

/** What a guest takes of the machine that it's on. */
export async function size(pace: VmPace): Promise<Section> {
  const sizes = await GuestSamples.take(pace, sizeOnce);
  const rows = [
    sizes.row("kernel and initrd", "MiB", ({ files }) => files),
    sizes.row("resident memory of QEMU", "MiB", ({ qemu }) => qemu),
    sizes.row("memory used in the guest", "MiB", ({ used }) => used),
    sizes.row("resident memory of Deno", "MiB", ({ resident }) => resident),
    sizes.row("idle, of a core", "%", ({ idleCpu }) => idleCpu),
  ];
  rows.forEach(pace.say);
  return {
    title: "What a guest takes",
    notes: [
      `QEMU with ${pace.machine.memory} MiB for the guest. Memory used: what the kernel has, less what it says is`,
      `available. Idle: QEMU's processor time over ${IDLE_MS / 1000} s in which nothing is asked.`,
    ],
    rows,
  };
}

async function sizeOnce(guest: Guest, machine: VmPace["machine"]): Promise<Size> {
  const files = (await Deno.stat(guest.kernel)).size + (await Deno.stat(guest.initrd)).size;
  await using running = await RunningGuest.start(guest, machine);
  await firstAnswer(running);
  await running.until("the times", () => guest.times(running.console.lines));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = cpuSeconds(running.pid);
  const begun = performance.now();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idleCpu = 100 * 1000 * (cpuSeconds(running.pid) - before) / (performance.now() - begun);
  const qemu = residentBytes(running.pid) / MIB;
  const { ask, total, available, resident } = guest.memory;
  await running.type(ask);
  const kilobytes = (pattern: RegExp): Promise<number> =>
    running.until(`${pattern}`, () => numberIn(running.console.lines, pattern));
  const used = await kilobytes(total) - await kilobytes(available);
  return {
    files: files / MIB,
    qemu,
    used: used * KIB / MIB,
    resident: resident === null ? 0 : await kilobytes(resident) * KIB / MIB,
    idleCpu,
  };
}
