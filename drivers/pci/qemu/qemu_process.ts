import { QemuError } from "./qemu_error.ts";

const QEMU = "qemu-system-x86_64";

/** Bytes of QEMU's standard error that are kept to tell why it ended. */
const STDERR_BYTES = 64 * 1024;

/** What of a QEMU is passed on. */
export interface QemuProcessOptions {
  /** Whether its standard input and output are {@link QemuProcess.console}; default false. */
  readonly console?: boolean;
}

/**
 * A QEMU that lives no longer than this process: setpriv asks the kernel to kill it when the thread
 * that started it ends (prctl(2), PR_SET_PDEATHSIG), which `kill -9` can't prevent. It is detached
 * from the process group, as the terminal sends Ctrl-C to all of that, and QEMU would be gone before
 * the driver could reset its device.
 */
export class QemuProcess {
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<string>;

  /** Starts QEMU; descriptors that are open and not close-on-exec are inherited. */
  constructor(args: readonly string[], { console = false }: QemuProcessOptions = {}) {
    const stdio = console ? "piped" : "null";
    try {
      this.#child = new Deno.Command("setpriv", {
        args: ["--pdeathsig", "KILL", QEMU, ...args],
        stdin: stdio,
        stdout: stdio,
        stderr: "piped",
        detached: true,
        // Deno starts nothing under a scoped --allow-run while one of these has a value.
        env: { LD_LIBRARY_PATH: "", LD_PRELOAD: "" },
      }).spawn();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new QemuError("setpriv is not installed: run `deno task setup`", { cause });
    }
    this.pid = this.#child.pid;
    this.#ended = this.#watch();
  }

  /** Resolves when QEMU has ended, with one line that says why. */
  get ended(): Promise<string> {
    return this.#ended;
  }

  /** How it ended, when it has. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Its standard input and output, when these were asked for. */
  get console(): {
    readonly input: WritableStream<Uint8Array<ArrayBufferLike>>;
    readonly output: ReadableStream<Uint8Array<ArrayBuffer>>;
  } {
    return { input: this.#child.stdin, output: this.#child.stdout };
  }

  /** Ends QEMU now and waits until it's gone. There's nothing it would have to save. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself meanwhile, and its status was collected.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#ended;
  }

  async #watch(): Promise<string> {
    const [stderr, status] = await Promise.all([readTail(this.#child.stderr), this.#child.status]);
    return describeEnd(stderr, status);
  }
}

async function readTail(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text = (text + piece).slice(-STDERR_BYTES);
  }
  return text;
}

/** What QEMU's complaints begin with: its name, or a short one where it reads a kernel. */
const COMPLAINT = new RegExp(`^(${QEMU}|qemu): `);

/** The reason in one line: QEMU prefixes its complaints with its own name, warnings come first. */
function describeEnd(stderr: string, status: Deno.CommandStatus): string {
  if (stderr.includes(`failed to execute ${QEMU}`)) {
    return `${QEMU} is not installed: run \`deno task setup\``;
  }
  const complaints = stderr.split("\n").filter((line) => COMPLAINT.test(line))
    .map((line) => line.replace(COMPLAINT, ""));
  const complaint = complaints.findLast((line) => !line.startsWith("warning: "));
  if (complaint !== undefined) return `QEMU refused to run: ${complaint}`;
  if (status.signal !== null) return `QEMU was killed by ${status.signal}`;
  return `QEMU ended by itself with status ${status.code}`;
}
