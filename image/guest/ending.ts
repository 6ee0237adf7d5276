import { powerOff, restart } from "../../drivers/ffi/power.ts";
import { drainTerminal } from "../../drivers/ffi/terminal.ts";

const STDOUT = 1;
/** sysfs has it when the machine has ACPI, by which alone it can switch itself off. */
const ACPI = "/sys/firmware/acpi";
/** How much of its log the kernel prints; with nothing, not even a panic prints more than its cause. */
const PRINTK = "/proc/sys/kernel/printk";

/** How the machine ends. */
export type Ending =
  /** Switched off: QEMU ends with status 0. */
  | "power off"
  /** Started anew: QEMU ends with status 0 when it has `-no-reboot`. */
  | "restart"
  /** The kernel panics, as its only process has ended: by pvpanic, QEMU ends with status 1. */
  | "panic";

/** How the machine ends when the appliance has ended with this exit status. */
export function endingFor(status: number, hasAcpi: boolean): Ending {
  if (status !== 0) return "panic";
  return hasAcpi ? "power off" : "restart";
}

/** Set when it ends: an end of this process is no surprise then. */
let isEnding = false;

/** Calls `surprised` when this process ends without {@link endMachine}, which it may call. */
export function onProcessEnd(surprised: () => void): void {
  addEventListener("unload", () => {
    if (!isEnding) surprised();
  });
}

/** Ends the machine, with the exit status of the appliance. */
export function endMachine(status: number): never {
  isEnding = true;
  const ending = endingFor(status, hasAcpi());
  try {
    drainTerminal(STDOUT);
    if (ending === "power off") powerOff();
    if (ending === "restart") restart();
    Deno.writeTextFileSync(PRINTK, "0");
  } catch (error) {
    console.error(`ukdeno: the machine can't be switched off: ${error}`);
  }
  Deno.exit(status || 1);
}

function hasAcpi(): boolean {
  try {
    Deno.statSync(ACPI);
    return true;
  } catch {
    return false;
  }
}
