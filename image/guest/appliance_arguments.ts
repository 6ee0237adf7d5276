import { parameterValues, splitCommandLine } from "../../netdev/kernel_command_line.ts";

/** The parameter of a kernel command line that gives devices their addresses. */
const EINFO = "netdev.ip";
/** The first network card that a driver wants. */
const DEFAULT_DEVICE = "--device=vfio";

/**
 * The arguments of main.ts in the guest: `args`, which came behind the script; a device, if they name
 * none; and the addresses of the kernel's command line. `ping` has them as its own: the first, if it was
 * given none. `NetdevError` when that line can't be read.
 */
export function applianceArguments(args: readonly string[], commandLine: string): string[] {
  const addresses = parameterValues(splitCommandLine(commandLine), EINFO);
  const complete = [...args];
  if (!has(args, "--device")) complete.push(DEFAULT_DEVICE);
  if (args[0] !== "ping") {
    complete.push(...addresses.map((address) => `${EINFO}=${address}`));
  } else if (addresses.length > 0 && !has(args, "--ip")) {
    complete.push(`--ip=${addresses[0].split(":")[0]}`);
  }
  return complete;
}

/** Whether one of the devices is a card that user space drives by VFIO. */
export function needsVfio(args: readonly string[]): boolean {
  return args.some((arg, i) =>
    arg.startsWith("--device=vfio") || (arg.startsWith("vfio") && args[i - 1] === "--device")
  );
}

function has(args: readonly string[], flag: string): boolean {
  return args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
}
