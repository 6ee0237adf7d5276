import { assert, assertEquals, assertLess } from "@std/assert";
import { type Appliance, countersOf } from "./appliance.ts";
import { residentBytes } from "./proc.ts";

const MIB = 2 ** 20;
/** Of the median: one that is late now and then is the machine's doing. */
const SOON_MS = 1000;
/** Under load from one restart to the next: long enough not to be taken for a crash at the start. */
const LOAD_MS = 150;
const LOOK_MS = 5;
const PATIENCE_MS = 30_000;

/** A vhost-user back-end under load that can be killed, and started anew. */
export interface RestartedBackEnd {
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it, and waits until it's there to be connected with, or to connect: the time of that. */
  start(): Promise<number>;
}

/** What is left behind a process by something that it has done often. */
interface Footprint {
  readonly descriptors: number;
  readonly mappings: number;
  readonly bytes: number;
}

/**
 * Kills the back-end of a serving appliance so many times. Each time it is told that the link went
 * and came, and served again; nothing of all that is left over in the end. `soon`: milliseconds.
 */
export async function assertSurvivesRestarts(
  name: string,
  appliance: Appliance,
  backEnd: RestartedBackEnd,
  restarts: number,
  soon: number = SOON_MS,
): Promise<void> {
  await appliance.event("ready");
  const answers = new Answers(appliance);
  await answers.more();
  const times: number[] = [];
  let warm = await footprint(appliance.pid);
  for (let restart = 1; restart <= restarts; restart++) {
    await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
    await backEnd.kill();
    await appliance.nthEvent(2 * restart - 1, "link");
    await answers.forget();
    const there = await backEnd.start();
    await answers.more();
    times.push(performance.now() - there);
    await appliance.nthEvent(2 * restart, "link");
    if (restart === Math.ceil(restarts / 2)) warm = await footprint(appliance.pid);
  }
  const links = appliance.lines.filter(({ event }) => event === "link").map(({ up }) => up);
  assertEquals(links, Array.from({ length: 2 * restarts }, (_, i) => i % 2 === 1));
  const { descriptors, mappings, bytes } = await footprint(appliance.pid);
  times.sort((a, b) => a - b);
  const [median, longest] = [times[times.length >>> 1], times[times.length - 1]];
  const grown = bytes - warm.bytes;
  console.log(
    `${name}: killed and restarted ${restarts} times under load, serving after ` +
      `${median.toFixed(0)} ms (median), ${longest.toFixed(0)} ms (longest); memory ` +
      `${(warm.bytes / MIB).toFixed(1)} MiB ${grown < 0 ? "-" : "+"} ` +
      `${(Math.abs(grown) / MIB).toFixed(1)} MiB`,
  );
  assertLess(median, soon);
  assert(descriptors <= warm.descriptors, `${warm.descriptors} descriptors, then ${descriptors}`);
  // V8 maps memory for itself, too; a region left over by each restart would be more.
  assertLess(mappings, warm.mappings + 2 + restarts / 4);
  assertLess(grown, 32 * MIB);
}

/** What a running appliance says of the echo requests that it has answered, when it's asked to. */
class Answers {
  readonly #appliance: Appliance;
  #asked = 0;
  #seen = 0;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
  }

  /** From now on those so far don't count. */
  async forget(): Promise<void> {
    this.#seen = await this.#count();
  }

  /** Waits until there are more. */
  async more(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (await this.#count() === this.#seen) {
      assert(performance.now() < deadline, `no echo request was answered in ${PATIENCE_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #count(): Promise<number> {
    this.#appliance.kill("SIGUSR2");
    const line = await this.#appliance.nthEvent(++this.#asked, "counters");
    return countersOf(line).host.echoRequestsAnswered;
  }
}

/** Waits for a socket that someone listens on, which isn't there yet. */
export async function listening(socket: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!exists(socket)) {
    assert(performance.now() < deadline, `no ${socket} in ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

async function footprint(pid: number): Promise<Footprint> {
  const [descriptors, maps] = [
    await lines("ls", `/proc/${pid}/fd`),
    await lines("cat", `/proc/${pid}/maps`),
  ];
  const mappings = maps.filter((line) => line.includes("memfd:")).length;
  return { descriptors: descriptors.length, mappings, bytes: residentBytes(pid) };
}

/** Deno's own calls may not read /proc. */
async function lines(...command: readonly string[]): Promise<string[]> {
  const args = ["--pdeathsig", "KILL", ...command];
  const output = await new Deno.Command("setpriv", { args, stdin: "null" }).output();
  return new TextDecoder().decode(output.stdout).trim().split("\n");
}
