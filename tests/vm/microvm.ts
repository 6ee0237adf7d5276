import { assert } from "@std/assert";
import { kernelCommandLine } from "../../image/kernel_command_line.ts";
import { type LogLine, uniqueHub, within } from "../integration/appliance.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** How long to wait for what takes seconds on a quiet machine, such as a boot. */
const PATIENCE_MS = 60_000;

/** What differs from one microvm to another. */
export interface MicrovmOptions {
  /** Whether virtio-mmio has version 1. */
  readonly legacy: boolean;
  /** More words for the kernel. */
  readonly parameters?: readonly string[];
}

/** Builds the image, unless it's there. */
export async function buildImage(): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const build = String(tasks.image).split(" && ").at(-1)?.split(" ").slice(1) ?? [];
  const args = ["--pdeathsig", "KILL", Deno.execPath(), ...build];
  const { code, stderr } = await new Deno.Command("setpriv", { args, cwd: ROOT }).output();
  assert(code === 0, new TextDecoder().decode(stderr));
}

/**
 * The image in QEMU's microvm, a machine without PCI and without an IOMMU, under TCG. Its network is a
 * socket, to which one peer may connect.
 */
export class Microvm implements AsyncDisposable {
  /** For `--device=` of that peer. */
  readonly network: string;
  readonly #child: Deno.ChildProcess;
  readonly #typed: WritableStreamDefaultWriter<Uint8Array<ArrayBufferLike>>;
  readonly #lines: string[] = [];
  readonly #stdout: Promise<void>;
  readonly #stderr: Promise<string>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  /** Boots it, with these arguments of main.ts. */
  constructor({ legacy, parameters = [] }: MicrovmOptions, args: readonly string[]) {
    const name = uniqueHub();
    this.network = `stream:@${name}`;
    const line = kernelCommandLine(args, ["reboot=t", ...parameters]);
    this.#child = new Deno.Command("setpriv", {
      args: [
        ...["--pdeathsig", "KILL", "qemu-system-x86_64"],
        // With ACPI, Linux waits for ever for a timer, when a busy host keeps it from measuring its clock.
        ...["-machine", "microvm,accel=tcg,acpi=off,auto-kernel-cmdline=off"],
        ...["-global", `virtio-mmio.force-legacy=${legacy}`],
        ...["-cpu", "max", "-m", "512M", "-nodefaults", "-no-user-config", "-display", "none"],
        ...["-no-reboot", "-serial", "stdio"],
        ...["-kernel", `${ROOT}image/out/vmlinux`, "-initrd", `${ROOT}image/out/initrd`],
        ...["-append", line],
        ...["-netdev", `stream,id=net,server=on,addr.type=unix,addr.path=${name},addr.abstract=on`],
        ...["-device", "virtio-net-device,netdev=net"],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#typed = this.#child.stdin.getWriter();
    this.#stdout = this.#readLines();
    this.#stderr = new Response(this.#child.stderr).text();
  }

  /** The JSON line with this event. */
  async event(name: string): Promise<LogLine> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.#lines.find((line) => line.startsWith(`{"event":"${name}"`));
      if (found !== undefined) return JSON.parse(found);
      const seen = this.#lines.join("\n");
      assert(!this.#ended, `the VM ended without "${name}": ${seen}`);
      const left = deadline - performance.now();
      assert(left > 0, `no "${name}" after ${PATIENCE_MS} ms: ${seen}`);
      await within(left, this.#changed.promise);
    }
  }

  /** Types a command on the console. */
  async type(command: string): Promise<void> {
    await this.#typed.write(new TextEncoder().encode(`${command}\n`));
  }

  /** Waits until it has ended: QEMU's exit status, and all that it printed. */
  async ended(): Promise<{ readonly code: number; readonly text: string }> {
    const [{ code }, stderr] = await Promise.all([this.#child.status, this.#stderr, this.#stdout]);
    return { code, text: [...this.#lines, stderr].join("\n") };
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

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split(/\r?\n/);
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
