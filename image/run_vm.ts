import { onStopSignal } from "../app/stop_signals.ts";
import { type Accelerator, findAccelerator } from "./accelerator.ts";
import { VirtualMachine } from "./virtual_machine.ts";
import type { VmOptions } from "./vm_options.ts";

/** Where the image is built. */
const IMAGE = new URL("./out/", import.meta.url).pathname;

/** How long the guest may take to stop, and how often it's asked: it doesn't listen from the start. */
const STOP_MS = 10_000;
const ASK_AGAIN_MS = 1000;
/** Ctrl-C comes twice, from the terminal and from the task: within so long it's the same one. */
const SAME_SIGNAL_MS = 500;

const RETURN = 0x0d;

/**
 * Boots the image, shows its console on standard output and types standard input there, and waits for
 * its end: the exit status. A stop signal presses its power button; a second one pulls the plug.
 */
export async function runVm(options: VmOptions, kernelCommandLine: string): Promise<number> {
  const accelerator = options.accelerator ?? await chooseAccelerator();
  using vm = new VirtualMachine({
    ...options,
    accelerator,
    kernel: `${IMAGE}vmlinux`,
    initrd: `${IMAGE}initrd`,
    kernelCommandLine,
  });
  using stopping = new Stopping(vm);
  using _signals = onStopSignal(() => stopping.next());
  if (options.hint !== null && Deno.stderr.isTerminal()) {
    say(`when it's ready, in a second terminal: ${options.hint}`);
  }
  const shown = show(vm.console.output).catch(() => vm.unplug("nobody reads the console any more"));
  using _terminal = leaveLinesToGuest();
  // The end of what is typed isn't that of the machine, nor is a terminal that has gone.
  void Deno.stdin.readable.pipeTo(vm.console.input, { preventClose: true }).catch(() => {});
  await vm.start();
  const { status, reason } = await vm.ended();
  await shown;
  if (reason !== null) say(reason);
  return status;
}

/** A guest being stopped: asked for a while, then not asked any more. */
class Stopping implements Disposable {
  readonly #vm: VirtualMachine;
  #timer: ReturnType<typeof setInterval> | undefined;
  #waited = 0;
  #asked = 0;

  constructor(vm: VirtualMachine) {
    this.#vm = vm;
  }

  /** What to do at a signal. */
  next(): void {
    if (this.#timer !== undefined) {
      if (performance.now() - this.#asked < SAME_SIGNAL_MS) return;
      return this.#vm.unplug("stopped without waiting for the guest");
    }
    this.#timer = setInterval(() => this.#askAgain(), ASK_AGAIN_MS);
    this.#vm.pressPowerButton();
    // A signal that came meanwhile is heard only now.
    this.#asked = performance.now();
  }

  #askAgain(): void {
    this.#waited += ASK_AGAIN_MS;
    if (this.#waited < STOP_MS) return this.#vm.pressPowerButton();
    this.#vm.unplug(`the guest has not stopped within ${STOP_MS / 1000} s, and was switched off`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Has a terminal pass on each key, Ctrl-C apart, as the guest's own console puts lines together and shows
 * what is typed: it would be shown twice.
 */
function leaveLinesToGuest(): Disposable {
  const isTerminal = Deno.stdin.isTerminal();
  if (isTerminal) Deno.stdin.setRaw(true, { cbreak: true });
  return {
    [Symbol.dispose](): void {
      if (isTerminal) Deno.stdin.setRaw(false);
    },
  };
}

async function chooseAccelerator(): Promise<Accelerator> {
  const { accelerator, reason } = await findAccelerator();
  say(reason === null ? "runs by KVM" : `runs by TCG, KVM can't be used here: ${reason}`);
  return accelerator;
}

/** Shows the console, whose lines end as those of a terminal do. */
async function show(console: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  for await (const bytes of console) {
    let rest = bytes.filter((byte) => byte !== RETURN);
    while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
  }
}

/** What isn't of the guest. */
function say(line: string): void {
  console.error(`ukdeno: ${line}`);
}
