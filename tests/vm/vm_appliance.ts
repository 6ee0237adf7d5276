import { assert } from "@std/assert";
import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { connectHub, HubError } from "../../drivers/hub/hub_port.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { findAccelerator } from "../../image/accelerator.ts";
import { type LogLine, uniqueHub, within } from "../integration/appliance.ts";
import { StreamPort } from "../integration/frame_port.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** How long to wait for what takes seconds on a quiet machine, such as a boot. */
const PATIENCE_MS = 60_000;

/** It's the same for all machines that a test boots. */
const { accelerator } = await findAccelerator();

/**
 * What `deno task vm` does, in its two halves: the image is built, unless it's there, and booted. A
 * shell in between would be one that a test can't have die with it.
 */
const [BUILD, BOOT] = await taskHalves();
await build();

async function taskHalves(): Promise<string[][]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const halves = String(tasks.vm).split(" && ").map((half) => half.replace(" >&2", "").split(" "));
  assert(halves.length === 2 && halves.every(([program]) => program === "deno"), tasks.vm);
  return halves.map(([_, ...args]) => args);
}

async function build(): Promise<void> {
  const args = ["--pdeathsig", "KILL", Deno.execPath(), ...BUILD];
  const { code, stderr } = await new Deno.Command("setpriv", { args, cwd: ROOT }).output();
  assert(code === 0, new TextDecoder().decode(stderr));
}

/** How a virtual machine ended. */
export interface VmResult {
  readonly status: Deno.CommandStatus;
  /** All lines of its console. */
  readonly console: readonly string[];
  readonly stderr: string;
}

/** A virtual machine that is being run as `deno task vm` does, on a hub of its own. */
export class VmAppliance implements AsyncDisposable {
  readonly hub = uniqueHub();
  readonly #monitor = uniqueHub();
  readonly #child: Deno.ChildProcess;
  readonly #typed: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #lines: string[] = [];
  readonly #stdout: Promise<void>;
  readonly #stderr: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  private constructor(args: readonly string[]) {
    const hub = args.some((arg) => arg.startsWith("--hub=")) ? [] : [`--hub=${this.hub}`];
    const own = [...hub, `--monitor=${this.#monitor}`];
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", Deno.execPath(), ...BOOT, ...own, ...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#typed = this.#child.stdin.getWriter();
    this.#stdout = this.#readLines();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** Powers one on with these arguments of `vm`. */
  static start(...args: readonly string[]): VmAppliance {
    return new VmAppliance([`--accel=${accelerator}`, ...args]);
  }

  /** The same as a user would: which accelerator works is found out. */
  static task(...args: readonly string[]): VmAppliance {
    return new VmAppliance(args);
  }

  /** The same with an appliance that logs JSON, when it's ready. */
  static async serve(...args: readonly string[]): Promise<VmAppliance> {
    const vm = VmAppliance.start("--log=json", ...args);
    try {
      await vm.event("ready");
      return vm;
    } catch (error) {
      await vm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits until its QEMU runs, long before anything is on the console. */
  async powered(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        using _port = await this.port();
        return;
      } catch (error) {
        const isEarly = error instanceof HubError && error.code === "ENOENT" && !this.#ended;
        if (!isEarly || performance.now() > deadline) throw error;
      }
      await within(50, this.#changed.promise);
    }
  }

  /** All lines that the console has shown so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Position behind them all, to wait for what comes. */
  get now(): number {
    return this.#lines.length;
  }

  /** The first line like this that the console shows from `position` on. */
  async line(pattern: RegExp, position = 0): Promise<string> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.#lines.slice(position).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`the VM ended without ${pattern}: ${await this.#all()}`);
      const left = deadline - performance.now();
      assert(left > 0, `no ${pattern} after ${PATIENCE_MS} ms: ${this.#lines.join("\n")}`);
      await within(left, this.#changed.promise);
    }
  }

  /** The first JSON line with this event from `position` on. */
  async event(name: string, position = 0): Promise<LogLine> {
    return JSON.parse(await this.line(new RegExp(`^\\{"event":"${name}"`), position));
  }

  /** Types a command on the console, and waits for its answer: all lines of it but the last. */
  async command(name: string): Promise<string[]> {
    const before = this.now;
    await this.#typed.write(new TextEncoder().encode(`${name}\n`));
    const last = await this.line(/^(ok|error) /, before);
    assert(last === `ok ${name}`, `${name}: ${last}`);
    return this.#lines.slice(before, this.#lines.indexOf(last, before));
  }

  /** The same: the numbers at the ends of its lines, by what is in front of them. */
  async numbers(name: string): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.command(name)).map((line) => /^(.*) (\d+)$/.exec(line));
    return new Map(lines.flatMap((found) => found === null ? [] : [[found[1], Number(found[2])]]));
  }

  /** A place on its network. */
  async port(): Promise<StreamPort> {
    const { socket, headerSent } = await connectHub(this.hub);
    return new StreamPort(socket, headerSent);
  }

  /** Its operator, who is one at a time. */
  operate(): QmpClient & Disposable {
    const socket = connectAbstract(this.#monitor);
    const qmp = new QmpClient(socket);
    qmp.execute("qmp_capabilities");
    return Object.assign(qmp, { [Symbol.dispose]: () => socket[Symbol.dispose]() });
  }

  /** Sends a signal to the process that runs it. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended. */
  async ended(): Promise<VmResult> {
    const [status, stderr] = await Promise.all([this.#child.status, this.#stderr, this.#stdout]);
    return { status, stderr, console: this.#lines };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    // What nobody reads any more can't be typed.
    await this.#typed.close().catch(() => {});
    await this.ended();
  }

  async #all(): Promise<string> {
    return [...this.#lines, await this.#stderr].join("\n");
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#notify();
    }
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
