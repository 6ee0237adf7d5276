import type { FaultName } from "./faults.ts";

let count = 0;

/** A faulty back-end in a process of its own. */
export class FaultyBackEnd implements AsyncDisposable {
  readonly socket: string;
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(child: Deno.ChildProcess, socket: string) {
    this.#child = child;
    this.socket = socket;
    this.#reader = child.stdout.getReader();
  }

  /** Starts one, and waits until it listens. */
  static async start(fault: FaultName): Promise<FaultyBackEnd> {
    const socket = `/tmp/ukdeno-faulty-${Deno.pid}-${count++}`;
    const child = new Deno.Command("setpriv", {
      args: [
        ...["--pdeathsig", "KILL", Deno.execPath(), "run", "--no-prompt", "--quiet"],
        ...["--allow-ffi", new URL("faulty_back_end.ts", import.meta.url).pathname, fault, socket],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const backEnd = new FaultyBackEnd(child, socket);
    const { done } = await backEnd.#reader.read();
    if (!done) return backEnd;
    await backEnd[Symbol.asyncDispose]();
    throw new Error(`a back-end with the fault "${fault}" doesn't listen`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await this.#reader.cancel();
    await Deno.remove(this.socket).catch(() => {});
  }
}
