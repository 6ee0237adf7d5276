/**
 * `deno task vm`: boots the image in QEMU, with its console on this terminal, and ends as the appliance
 * in it ends.
 *
 * @module
 */

import { UsageError } from "../app/usage_error.ts";
import { kernelCommandLine } from "./kernel_command_line.ts";
import { vmHelpText } from "./vm_flags.ts";
import { parseVm } from "./vm_options.ts";

/** Runs it and returns the exit status: that of the appliance, 1 when the machine failed, 2 usage. */
async function main(args: readonly string[]): Promise<number> {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(vmHelpText());
      return 0;
    }
    const options = parseVm(args);
    const { parameters, args: guestArgs } = options;
    const commandLine = kernelCommandLine(guestArgs, parameters);
    // These open the C library, and without permission for that there's a stack trace, and no more.
    const { runVm } = await import("./run_vm.ts");
    return await runVm(options, commandLine);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof UsageError) {
      console.error(`ukdeno: ${message} (--help shows what there is)`);
      return 2;
    }
    console.error(`ukdeno: ${message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
