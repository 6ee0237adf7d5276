/**
 * DPDK's testpmd as a child process: the real vhost-user back-end (net_vhost) and the real front-end
 * (net_virtio_user), told what to do line by line.
 *
 * @module
 */

import { isInstalled } from "../../app/setup/tools.ts";
import { firstProcessor } from "./proc.ts";

const FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin"];
const PROMPT = "testpmd> ";
/** It starts in half a second on a quiet machine. */
const PATIENCE_MS = 30_000;

/** Why there can be no DPDK here, or null. */
export const DPDK_IS_MISSING: string | null = isInstalled("dpdk-testpmd", FOLDERS)
  ? null
  : "there is no dpdk-testpmd (deno task setup --tests)";

/** Declares a test that needs DPDK. Where there's none, it says loudly why it is skipped. */
export function dpdkTest(name: string, test: (t: Deno.TestContext) => Promise<void>): void {
  if (DPDK_IS_MISSING !== null) console.error(`SKIPPED: ${name}: ${DPDK_IS_MISSING}`);
  Deno.test({ name, fn: test, ignore: DPDK_IS_MISSING !== null });
}

/** What a testpmd is to be. */
export interface TestpmdOptions {
  /** The processor that all of its threads are on; default: the first one that there is for us. */
  readonly cpu?: number;
  /** Its devices: port 0, port 1, … Two ports forward to each other. */
  readonly vdevs: readonly string[];
  /** "io" passes frames on as they are, "icmpecho" answers ARP and ping. */
  readonly forward: "io" | "icmpecho";
  /** More arguments for testpmd itself, such as `--rxd=1024`. */
  readonly args?: readonly string[];
  /** Megabytes for packets; default 128. */
  readonly megabytes?: number;
}

let count = 0;

/** A running testpmd. It forwards nothing until it is told to `start`. */
export class Testpmd implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #outputs: Promise<void>[];
  /** What it printed, and what DPDK logged. */
  #stdout = "";
  #log = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.#stdin = child.stdin.getWriter();
    this.#outputs = [
      this.#read(child.stdout, (text) => this.#stdout += text),
      this.#read(child.stderr, (text) => this.#log += text),
    ];
  }

  /** Starts it and waits until it takes commands: a net_vhost listens then, or tries to connect. */
  static async start(options: TestpmdOptions): Promise<Testpmd> {
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-dpdk-" });
    const testpmd = new Testpmd(spawn(options, folder), folder);
    try {
      await testpmd.#prompt(0);
    } catch (error) {
      await testpmd[Symbol.asyncDispose]();
      throw error;
    }
    return testpmd;
  }

  /** What DPDK has logged so far. */
  get log(): string {
    return this.#log;
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Has it do something; what it printed until it was ready for the next. */
  async ask(command: string): Promise<string> {
    const from = this.#stdout.length;
    await this.#stdin.write(new TextEncoder().encode(`${command}\n`));
    const end = await this.#prompt(from);
    return this.#stdout.slice(from, end);
  }

  /** Waits until DPDK has logged something of this form. */
  async logged(pattern: RegExp): Promise<void> {
    await this.#until(`DPDK to log ${pattern}`, () => pattern.test(this.#log));
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#over();
  }

  /** Ends it by its own command, so that it closes all its files. */
  async quit(): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode("quit\n"));
    await this.#until("testpmd to end", () => this.#ended);
    await this.#over();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#over();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #over(): Promise<void> {
    await this.#stdin.close().catch(() => {});
    await Promise.all([this.#child.status, ...this.#outputs]);
  }

  /** Where the first prompt behind `from` is, as soon as it's there. */
  async #prompt(from: number): Promise<number> {
    await this.#until("testpmd's prompt", () => this.#stdout.indexOf(PROMPT, from) >= 0);
    return this.#stdout.indexOf(PROMPT, from);
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!isSo()) {
      const left = deadline - performance.now();
      if (this.#ended || left <= 0) {
        const how = this.#ended ? "testpmd ended" : `${PATIENCE_MS / 1000} s went by`;
        throw new Error(`waiting for ${what}, ${how}: ${this.#log}${this.#stdout}`);
      }
      const { promise: timeout, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, left);
      await Promise.race([timeout, this.#changed.promise]);
      clearTimeout(timer);
    }
  }

  async #read(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      keep(text);
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

/**
 * `--no-huge`: its memory is one memfd, which virtio_user shares with its back-end. It takes two
 * threads, one of which only reads commands and sleeps.
 */
function spawn(options: TestpmdOptions, folder: string): Deno.ChildProcess {
  const { cpu = firstProcessor(), vdevs, forward, args = [], megabytes = 128 } = options;
  return new Deno.Command("setpriv", {
    args: [
      ...["--pdeathsig", "KILL"],
      // Where DPDK keeps its own sockets and files; printf is to show what it has at each line.
      ...["env", `RUNTIME_DIRECTORY=${folder}`, "stdbuf", "--output=L", "dpdk-testpmd"],
      ...[`--lcores=0@${cpu},1@${cpu}`, "--no-huge", "-m", `${megabytes}`, "--no-pci"],
      // Among the first lines that it logs is its version.
      ...["-v", "--no-telemetry", `--file-prefix=ukdeno${Deno.pid}-${count++}`],
      ...vdevs.flatMap((vdev) => ["--vdev", vdev]),
      ...["--", "--interactive", `--forward-mode=${forward}`],
      // A mbuf is 2176 bytes, and there's more in that memory.
      ...[`--total-num-mbufs=${megabytes * 32}`, ...args],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
