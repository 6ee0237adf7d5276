/**
 * What the kernel starts as its first process, and the only one: makes a machine that the appliance can
 * live in, runs it, and switches the machine off with its exit status.
 *
 * @module
 */

import { secondsSinceBoot } from "../../drivers/ffi/boot_clock.ts";
import { loadKernelModule } from "../../drivers/ffi/kernel_module.ts";
import { main } from "../../main.ts";
import { BUTTON_MODULES, type KernelModule, PANIC_MODULES, VFIO_MODULES } from "../modules.ts";
import { applianceArguments, needsVfio } from "./appliance_arguments.ts";
import { denoStarted } from "./boot_times.ts";
import { serveConsole } from "./console.ts";
import { endMachine, onProcessEnd } from "./ending.ts";
import { mountFileSystems } from "./mounts.ts";
import { onPowerButton } from "./power_button.ts";

const COMMAND_LINE = "/proc/cmdline";
/** Milliseconds that the appliance may take to stop. */
const STOP_MS = 5000;

async function init(): Promise<number> {
  const begun = secondsSinceBoot();
  mountFileSystems();
  load(PANIC_MODULES);
  const args = applianceArguments(Deno.args, Deno.readTextFileSync(COMMAND_LINE));
  if (needsVfio(args)) load(VFIO_MODULES);
  const loaded = secondsSinceBoot();
  return await main(args, () => attend(begun, loaded));
}

/**
 * Listens to those who look after the machine, and tells where the time went: all that the first packets
 * need not wait for, as they would for a tenth of a second in a machine that QEMU emulates.
 */
function attend(begun: number, loaded: number): void {
  boundStop();
  load(BUTTON_MODULES);
  onPowerButton(() => Deno.kill(Deno.pid, "SIGTERM"));
  // A console that is gone is no reason to stop.
  serveConsole(Deno.stdin, console.log).catch(() => {});
  const kernel = denoStarted();
  const now = secondsSinceBoot();
  // The last: who waits for it finds packets answered without a pause from then on.
  console.log(
    `ukdeno: kernel ${seconds(kernel)}, deno ${seconds(begun - kernel)}, ` +
      `modules ${seconds(loaded - begun)}, since then ${seconds(now - loaded)}`,
  );
}

function load(modules: readonly KernelModule[]): void {
  for (const { path, parameters } of modules) loadKernelModule(path, parameters);
}

/**
 * A command that doesn't end when it's told to is ended: the machine has no other way out. The signal
 * has somebody who listens from now on, too: without, Deno wants to die of it, and crashes, as a first
 * process can't.
 */
function boundStop(): void {
  Deno.addSignalListener("SIGTERM", () => {
    setTimeout(() => crash(`not stopped within ${STOP_MS / 1000} s`), STOP_MS);
  });
}

function seconds(value: number): string {
  return `${value.toFixed(3)} s`;
}

/** One line, whatever it was. */
function crash(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`ukdeno: ${message.split("\n")[0]}`);
  endMachine(1);
}

/** No way out of this process is left that doesn't end the machine. */
function catchEverything(): void {
  addEventListener("error", (event) => {
    event.preventDefault();
    crash(event.error);
  });
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    crash(event.reason);
  });
  onProcessEnd(() => crash("the program ended by itself"));
}

// Another process has no machine to end. It's one that compiles this, for the image.
if (Deno.pid === 1) {
  catchEverything();
  // Not awaited: as a script, which it's bundled into, it may not await here.
  void init().then(endMachine);
}
