import type { GeneratorResult } from "./generator_run.ts";

/** Without it V8 leaves out of line what the packet path has in many functions. */
const V8_FLAGS = "--max-inlined-bytecode-size-cumulative=5000";

let count = 0;

/** How a generator is started. */
export interface GeneratorProcessOptions {
  /** The processor to stay on, if any. */
  readonly cpu?: number;
  /** Where to listen, or to connect; default: a socket of its own. */
  readonly socket?: string;
  /** Prepended to V8's flags. */
  readonly v8Flags?: string;
}

/**
 * The generator in a process of its own. It waits for a front-end at {@link socket}, and ends by itself
 * when its run is over.
 */
export class GeneratorProcess implements AsyncDisposable {
  readonly socket: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Promise<string>;
  readonly #stderr: Promise<string>;
  #heard = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();

  /** `args`: flags of generator.ts. */
  constructor(args: readonly string[], options: GeneratorProcessOptions = {}) {
    const { cpu, v8Flags } = options;
    this.socket = options.socket ?? `/tmp/ukdeno-generator-${Deno.pid}-${count++}`;
    const pinned = cpu === undefined ? [] : ["taskset", "--cpu-list", `${cpu}`];
    const flags = v8Flags === undefined ? V8_FLAGS : `${v8Flags},${V8_FLAGS}`;
    this.#child = new Deno.Command("setpriv", {
      args: [
        ...["--pdeathsig", "KILL", ...pinned, Deno.execPath(), "run", "--no-prompt", "--quiet"],
        ...[`--v8-flags=${flags}`, "--allow-ffi"],
        ...[new URL("generator.ts", import.meta.url).pathname, ...args, this.socket],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Response(this.#child.stdout).text();
    this.#stderr = this.#hear();
  }

  /** Resolves when a front-end can connect. Rejects when it has ended instead. */
  async listening(): Promise<this> {
    await this.#said("listening on");
    return this;
  }

  /** Resolves when it has warmed up, and what it counts begins. */
  async running(): Promise<void> {
    await this.#said("running");
  }

  /** What came of its run, and its exit status. Rejects when it has printed nothing. */
  async result(): Promise<{ readonly code: number; readonly result: GeneratorResult }> {
    const [{ code }, stdout, stderr] = await Promise.all([
      this.#child.status,
      this.#stdout,
      this.#stderr,
    ]);
    // What V8 is told to trace stands in front.
    const line = stdout.trim().split("\n").at(-1) ?? "";
    if (!line.startsWith("{")) throw new Error(`the generator failed: ${stderr}`);
    const result: GeneratorResult = JSON.parse(line);
    return { code, result };
  }

  /** All that it wrote on standard output and standard error, once it has ended. */
  async output(): Promise<{ readonly stdout: string; readonly stderr: string }> {
    return { stdout: await this.#stdout, stderr: await this.#stderr };
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await Promise.all([this.#child.status, this.#stdout, this.#stderr]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.socket).catch(() => {});
  }

  async #said(words: string): Promise<void> {
    while (!this.#heard.includes(words)) {
      if (this.#ended) throw new Error(`the generator ended: ${this.#heard}`);
      await this.#changed.promise;
    }
  }

  async #hear(): Promise<string> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#heard += text;
      this.#notify();
    }
    this.#ended = true;
    this.#notify();
    return this.#heard;
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
