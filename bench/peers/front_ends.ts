/**
 * The two front-ends that are compared, each a process on a processor of its own: this appliance,
 * and DPDK's testpmd with net_virtio_user, which answers ARP and ping in its mode `icmpecho`.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { Testpmd } from "../../tests/integration/dpdk_testpmd.ts";
import { HOST_IP, HOST_MAC } from "../../tests/stack/frames.ts";
import type { BusyTime } from "./timed_scheduler.ts";

/** The processor of the front-end; whoever drives it has {@link BACK_END_CPU}. */
const FRONT_END_CPU = 1;
/** The processor of what drives the front-end, on both sides the same. */
export const BACK_END_CPU = 0;

/** How a front-end is set up. */
export interface FrontEndOptions {
  /** Where the back-end listens. */
  readonly socket: string;
  readonly ring: "split" | "packed";
  /** Entries of each ring. */
  readonly ringSize: number;
  /** Frames that testpmd takes at a time, at most; 32 unless told otherwise. */
  readonly burst?: number;
  /** Each way; 1 unless told otherwise. */
  readonly queues?: number;
  /** Whether it accepts mergeable buffers; it does unless told otherwise. */
  readonly mergeable?: boolean;
  /** `--ip` of ours; testpmd answers for every address. */
  readonly ip?: string;
  /** Whether it is to count by {@link FrontEnd.begin} and {@link FrontEnd.end}. */
  readonly counts?: boolean;
}

/** What a front-end has counted from `begin` to `end`. */
export interface FrontEndFigures {
  /** Packets received. */
  readonly packets: number;
  /** Of rounds that received something: nanoseconds of processor time a packet; NaN without any. */
  readonly busyNanoseconds: number;
  /** Collections of garbage; of testpmd, which has none, 0. */
  readonly collections: number;
}

/** A running front-end that answers ping at {@link HOST_IP}. */
export interface FrontEnd extends AsyncDisposable {
  /** Its process. */
  readonly pid: number;
  /** Begins to count. */
  begin(): Promise<void>;
  /** What it has counted. It may stand still then. */
  end(): Promise<FrontEndFigures>;
  /** Goes on after that. */
  proceed(): Promise<void>;
}

/** Starts one and waits until it serves. */
export type StartFrontEnd = (options: FrontEndOptions) => Promise<FrontEnd>;

/** Names and ways to start, ours first. */
export const SIDES: readonly { readonly name: string; readonly start: StartFrontEnd }[] = [
  { name: "ukdeno", start: startOurs },
  { name: "testpmd icmpecho", start: startTestpmd },
];

/** As `deno task start` has it. */
const V8_FLAGS = /--v8-flags=\S+/.exec(config.tasks.start)?.[0] ?? "--v8-flags=";

async function startOurs(options: FrontEndOptions): Promise<FrontEnd> {
  const { socket, ring, ringSize, queues = 1, mergeable = true, counts = false } = options;
  const { ip = `${HOST_IP}/24` } = options;
  const device = `vhost-user:${socket}${mergeable ? "" : ",mrg_rxbuf=off"}`;
  // V8 tells of each collection of garbage then, at once if its lines aren't kept in a buffer.
  const v8Flags = counts ? `${V8_FLAGS},--trace-gc` : V8_FLAGS;
  const unbuffered = counts ? ["stdbuf", "--output=L"] : [];
  const program = counts ? "front_end.ts" : "../../main.ts";
  const child = new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "KILL", "taskset", "--cpu-list", `${FRONT_END_CPU}`],
      ...[...unbuffered, Deno.execPath(), "run", "--no-prompt", v8Flags, "--allow-ffi"],
      ...[new URL(program, import.meta.url).pathname, "--log=json"],
      ...[`--device=${device}`, `--ip=${ip}`, `--mac=${HOST_MAC}`],
      ...[`--ring=${ring}`, `--ring-size=${ringSize}`, `--queues=${queues}`],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ours = new OwnFrontEnd(child);
  await ours.event("ready");
  return ours;
}

/** Ours: the appliance, or `front_end.ts`, in a process of its own. */
class OwnFrontEnd implements FrontEnd {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;
  readonly #stderr: Promise<string>;
  #collections = 0;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.#lines = linesOf(child.stdout);
    this.#stderr = new Response(child.stderr).text();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async begin(): Promise<void> {
    await this.#tell("begin");
    this.#collections = 0;
  }

  async end(): Promise<FrontEndFigures> {
    const { packets, nanoseconds } = await this.#tell("end") as BusyTime;
    return { packets, busyNanoseconds: nanoseconds / packets, collections: this.#collections };
  }

  async proceed(): Promise<void> {
    // It never stood still.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGINT");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#stdin.close().catch(() => {});
    for await (const _ of this.#lines);
    await Promise.all([this.#child.status, this.#stderr]);
  }

  /** The next line with this event. */
  async event(name: string): Promise<unknown> {
    for (;;) {
      const { value: line, done } = await this.#lines.next();
      if (done) throw new Error(`ukdeno ended without "${name}": ${await this.#stderr}`);
      if (!line.startsWith("{")) {
        if (/: (Scavenge|Mark-Compact)/.test(line)) this.#collections++;
        continue;
      }
      const event: { readonly event: string } = JSON.parse(line);
      if (event.event === name) return event;
    }
  }

  async #tell(command: string): Promise<unknown> {
    await this.#stdin.write(new TextEncoder().encode(`${command}\n`));
    return await this.event(command);
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

async function startTestpmd(options: FrontEndOptions): Promise<FrontEnd> {
  const { socket, ring, ringSize, burst = 32, queues = 1, counts = false } = options;
  const { mergeable = true } = options;
  const device = [`path=${socket}`, `mac=${HOST_MAC}`, `queues=${queues}`];
  const rings = [`queue_size=${ringSize}`, `packed_vq=${ring === "packed" ? 1 : 0}`];
  const buffers = mergeable ? [] : ["mrg_rxbuf=0"];
  const testpmd = await Testpmd.start({
    cpu: FRONT_END_CPU,
    vdevs: [["net_virtio_user0", ...device, ...rings, ...buffers].join(",")],
    forward: "icmpecho",
    args: [
      ...[`--rxd=${ringSize}`, `--txd=${ringSize}`, `--burst=${burst}`],
      ...[`--rxq=${queues}`, `--txq=${queues}`],
      ...(counts ? ["--record-core-cycles"] : []),
      "--no-flush-rx",
    ],
  });
  const frontEnd = new TestpmdFrontEnd(testpmd);
  await frontEnd.proceed();
  return frontEnd;
}

/** DPDK's. It forwards from the start, and begins to count anew when it is started again. */
class TestpmdFrontEnd implements FrontEnd {
  readonly #testpmd: Testpmd;
  #forwards = false;

  constructor(testpmd: Testpmd) {
    this.#testpmd = testpmd;
  }

  get pid(): number {
    return this.#testpmd.pid;
  }

  async begin(): Promise<void> {
    if (this.#forwards) await this.#testpmd.ask("stop");
    await this.proceed();
  }

  async proceed(): Promise<void> {
    await this.#testpmd.ask("start");
    this.#forwards = true;
  }

  /** It counts cycles of the time-stamp counter, and says how many it takes for a microsecond. */
  async end(): Promise<FrontEndFigures> {
    const text = await this.#testpmd.ask("stop");
    this.#forwards = false;
    const cycles = /CPU cycles\/packet=([\d.]+) .* packets=(\d+)\) at (\d+) MHz/.exec(text);
    if (cycles === null) return { packets: 0, busyNanoseconds: NaN, collections: 0 };
    const [perPacket, packets, megahertz] = cycles.slice(1).map(Number);
    return { packets, busyNanoseconds: perPacket * 1000 / megahertz, collections: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#testpmd[Symbol.asyncDispose]();
  }
}
