import { assert, assertEquals, assertLess } from "@std/assert";
import { countersOf } from "../integration/appliance.ts";
import { FloodThread } from "../integration/flood_thread.ts";
import { VmAppliance } from "./vm_appliance.ts";

/** When it's warm: what is compiled has been, and what grows then is lost. */
const WARM_SECONDS = 15;
const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** The most that the appliance may grow by, in bytes. */
const MAX_GROWTH = 16 * MIB;

/** What a flood of a virtual machine came to. */
export interface VmFlood {
  readonly replies: number;
  readonly seconds: number;
  /** Bytes of memory that the appliance has resident in the guest: when it was warm, and at the end. */
  readonly warm: number;
  readonly end: number;
}

/**
 * Floods a machine on its hub for so long, {@link WARM_SECONDS} or more, and has it stop. An error when a
 * reply was lost or wrong, or a frame dropped, or when its memory has grown.
 */
export async function floodVm(seconds: number): Promise<VmFlood> {
  assert(seconds >= WARM_SECONDS, `${seconds} s`);
  await using vm = await VmAppliance.serve();
  const resident = async (): Promise<number> =>
    ((await vm.numbers("report")).get("resident_kb") ?? NaN) * KIB;
  await using flood = new FloodThread({ hub: vm.hub });
  await flood.runs();
  const started = performance.now();
  await pause(WARM_SECONDS);
  const warm = await resident();
  await pause(seconds - WARM_SECONDS);
  const end = await resident();
  // A closed loop: with one request lost it would fall silent, and that's an error there.
  const { replies, wrong } = await told(vm, () => flood.stop());
  const took = (performance.now() - started) / 1000;
  await vm.command("poweroff");
  const { status, console } = await vm.ended();
  assertEquals(status.code, 0, console.join("\n"));
  const { netdev, host, interface: below } = countersOf(await vm.event("stopped"));
  assertEquals(wrong, 0);
  // The flood begins with a request that it doesn't count.
  assertEquals(host.echoRequestsAnswered, replies + 1);
  const drops = Object.entries({ ...netdev.drops, ...host.drops, ...below.drops });
  assertEquals(drops.filter(([, count]) => count > 0), []);
  assertLess(end - warm, MAX_GROWTH);
  return { replies, seconds: took, warm, end };
}

/** Does what may fail for a reason that only the machine can tell: its error has the console then. */
async function told<T>(vm: VmAppliance, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    await vm.command("report");
    await vm.command("poweroff");
    const { console } = await vm.ended();
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}\n${console.join("\n")}`, { cause });
  }
}

/** One line about it. */
export function floodText({ replies, seconds, warm, end }: VmFlood): string {
  const [before, after] = [warm, end].map((bytes) => (bytes / MIB).toFixed(1));
  return `flood of the VM: ${replies} echoes in ${seconds.toFixed(0)} s, ` +
    `${Math.round(replies / seconds / 1000)} thousand a second, none lost; ` +
    `memory in the guest ${before} MiB when warm, ${after} MiB at the end`;
}

async function pause(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
