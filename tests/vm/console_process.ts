import { assert } from "@std/assert";
import { type LogLine, within } from "../integration/appliance.ts";

/** How long to wait for what takes seconds on a quiet machine, such as a boot. */
export const PATIENCE_MS = 60_000;

/** How a process with a machine's console ended. */
export interface ConsoleResult {
  readonly status: Deno.CommandStatus;
  /** All lines of the console. */
  readonly console: readonly string[];
  readonly stderr: string;
}

/** A process whose standard input and output are the console of a machine. */
export class ConsoleProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lineEnd: string | RegExp;
  readonly #typed: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #lines: string[] = [];
  readonly #stdout: Promise<void>;
  readonly #stderr: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** Starts this command, which ends with the test. A serial line ends lines as it likes. */
  constructor(command: readonly string[], cwd: string, lineEnd: string | RegExp) {
    this.#lineEnd = lineEnd;
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", ...command],
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#typed = this.#child.stdin.getWriter();
    this.#stdout = this.#readLines();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** All lines that the console has shown so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Whether the console has ended. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Settled at the next change of lines, or the end of them. */
  get changed(): Promise<void> {
    return this.#changed.promise;
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
      await within(left, this.changed);
    }
  }

  /** The first JSON line with this event from `position` on. */
  async event(name: string, position = 0): Promise<LogLine> {
    return JSON.parse(await this.line(new RegExp(`^\\{"event":"${name}"`), position));
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#typed.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Sends a signal to the process. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended. */
  async ended(): Promise<ConsoleResult> {
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
      const lines = (rest + text).split(this.#lineEnd);
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
