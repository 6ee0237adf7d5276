import { assert } from "@std/assert";

/** The checkout that is tested. */
const ROOT = new URL("../../", import.meta.url).pathname;

/** How long to wait for something that takes milliseconds on a quiet machine. */
const PATIENCE_MS = 30_000;

let hubs = 0;

/** A hub name that no other test or appliance uses. */
export function uniqueHub(): string {
  return `ukdeno-test-${Deno.pid}-${hubs++}`;
}

/** What a command came to. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface CommandOptions {
  /** Where the programs that it starts are looked for, in place of the usual folders. */
  readonly path?: string;
  /** A command that runs the one behind it, with its permissions and its process number. */
  readonly within?: readonly string[];
  /** What to do, once, when it has printed something of this form, be it a complaint. */
  readonly when?: {
    readonly printed: RegExp;
    readonly act: (command: Deno.ChildProcess) => void;
  };
}

/** Runs `main.ts` with these arguments to its end. */
export async function runMain(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = mainCommand(args, options).spawn();
  let { when } = options;
  const watch = (printed: string): void => {
    if (when?.printed.test(printed) !== true) return;
    when.act(child);
    when = undefined;
  };
  const [{ code }, stdout, stderr] = await Promise.all([
    child.status,
    read(child.stdout, watch),
    read(child.stderr, watch),
  ]);
  return { code, stdout, stderr };
}

/** All that comes, which `onMore` is told so far. */
async function read(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onMore: (printed: string) => void,
): Promise<string> {
  let printed = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    printed += text;
    onMore(printed);
  }
  return printed;
}

/**
 * `main.ts` with the permissions of the tasks, in a process of its own. Like all processes of the
 * tests it's started by setpriv, so that none outlives them.
 */
function mainCommand(args: readonly string[], options: CommandOptions): Deno.Command {
  const main = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", "--allow-run=setpriv"];
  const env = options.path === undefined ? [] : ["env", `PATH=${options.path}`];
  return new Deno.Command("setpriv", {
    args: [
      "--pdeathsig",
      "KILL",
      ...env,
      ...options.within ?? [],
      ...main,
      `${ROOT}main.ts`,
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** One line of a JSON log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

/** What a line with counters (`stopped`, `counters`) has of one device. */
export interface DeviceCounters {
  readonly device: string;
  readonly netdev: Readonly<Record<string, number>> & { readonly drops: Drops };
  readonly host: Readonly<Record<string, number>> & { readonly drops: Drops };
  readonly interface: Readonly<Record<string, number>> & { readonly drops: Drops };
}

/** Frames dropped, by the reason. */
export type Drops = Readonly<Record<string, number>>;

/** The counters of a device, the first one unless named, in such a line. */
export function countersOf(line: LogLine, name = "net0"): DeviceCounters {
  const devices = line.devices as readonly DeviceCounters[];
  const counters = devices.find(({ device }) => device === name);
  assert(counters !== undefined, `no counters of ${name}: ${JSON.stringify(line)}`);
  return counters;
}

/** A serving appliance: `main.ts serve --log=json …` in a process of its own. */
export class Appliance implements AsyncDisposable {
  readonly hub: string;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #stdout: Promise<void>;
  readonly #stderr: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** Starts it. */
  constructor(args: readonly string[] = [], options: CommandOptions = {}) {
    this.hub = uniqueHub();
    // Only a QEMU has a hub, and one with several queues has none.
    const hasHub = !args.some((arg) => /^--device=(?!qemu)|^--queues=(?!1$)/.test(arg));
    const serve = ["serve", "--log=json", ...(hasHub ? [`--hub=${this.hub}`] : []), ...args];
    this.#child = mainCommand(serve, options).spawn();
    this.pid = this.#child.pid;
    this.#stdout = this.#readLines();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The first line with this event, of the device of this name if there's one, as soon as it's there. */
  async event(name: string, device: string | null = null): Promise<LogLine> {
    return await this.nthEvent(1, name, device);
  }

  /** The nth line with this event, counted from 1, as {@link event} does. */
  async nthEvent(n: number, name: string, device: string | null = null): Promise<LogLine> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const lines = this.#lines.filter((line) =>
        line.event === name && (device === null || line.device === device)
      );
      if (lines.length >= n) return lines[n - 1];
      assert(!this.#ended, `the appliance ended without "${name}": ${await this.stderrIfEnded()}`);
      const left = deadline - performance.now();
      assert(left > 0, `no "${name}" after ${PATIENCE_MS} ms`);
      await within(left, this.#changed.promise);
    }
  }

  /** All lines so far. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Sends a signal to the process. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended by itself or by a signal: status and complaints. */
  async ended(): Promise<{ readonly status: Deno.CommandStatus; readonly stderr: string }> {
    const [status, stderr] = await Promise.all([
      this.#child.status,
      this.#stderr,
      this.#stdout,
    ]);
    return { status, stderr };
  }

  /** Interrupts it as Ctrl-C does, and waits for the end. */
  async stop(): Promise<{ readonly status: Deno.CommandStatus; readonly stderr: string }> {
    this.kill("SIGINT");
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.ended();
  }

  async stderrIfEnded(): Promise<string> {
    return this.#ended ? await this.#stderr : "";
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#lines.push(JSON.parse(line));
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

/** Waits for a promise, but no longer than this. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  const { promise: timeout, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/** Asks again and again until it's true. */
export async function eventually(what: string, ask: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!ask()) {
    assert(performance.now() < deadline, `${what}: not so after ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
