/**
 * What the kernel starts as its first process, and the only one: makes a machine that the appliance can
 * live in, runs it, and switches the machine off with its exit status.
 *
 * @module
 */

import { secondsSinceBoot } from "../../drivers/ffi/boot_clock.ts";
import { loadKernelModule } from "../../drivers/ffi/kernel_module.ts";
import { main } from "../../main.ts";
import { type KernelModule, PANIC_MODULES, VFIO_MODULES } from "../modules.ts";
import { applianceArguments, needsVfio } from "./appliance_arguments.ts";
import { denoStarted } from "./boot_times.ts";
import { endMachine } from "./ending.ts";
import { mountFileSystems } from "./mounts.ts";

const COMMAND_LINE = "/proc/cmdline";

async function init(): Promise<number> {
  const begun = secondsSinceBoot();
  const kernel = denoStarted();
  mountFileSystems();
  load(PANIC_MODULES);
  const args = applianceArguments(Deno.args, Deno.readTextFileSync(COMMAND_LINE));
  if (needsVfio(args)) load(VFIO_MODULES);
  const ready = secondsSinceBoot();
  console.log(
    `ukdeno: kernel ${seconds(kernel)}, deno ${seconds(begun - kernel)}, ` +
      `modules ${seconds(ready - begun)}`,
  );
  return await main(args);
}

function load(modules: readonly KernelModule[]): void {
  for (const { path } of modules) loadKernelModule(path);
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
}

catchEverything();
endMachine(await init());
