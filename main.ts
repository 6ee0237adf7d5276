/**
 * The command line: `main.ts [serve | ping | info] [FLAG]… [ARGUMENT]…`.
 *
 * @module
 */

import { helpText } from "./app/help.ts";
import { parseInfo } from "./app/info_options.ts";
import { parsePing } from "./app/ping_options.ts";
import { parseServe } from "./app/serve_options.ts";
import { UsageError } from "./app/usage_error.ts";

/**
 * Runs a command and returns the exit status: 0 done, 1 failed, 2 bad arguments. `attend` is called once,
 * for whoever has more to do that the first packets shouldn't wait for: when `serve` has answered these,
 * and before anything that another command does.
 */
export async function main(
  args: readonly string[],
  attend: () => void = () => {},
): Promise<number> {
  try {
    return await dispatch(args, attend);
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

async function dispatch(args: readonly string[], attend: () => void): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(helpText());
    return 0;
  }
  // A kernel command line begins with a parameter, NAME=VALUE, where others have a command.
  const named = args.length > 0 && !args[0].startsWith("-") && !args[0].includes("=");
  const command = named ? args[0] : "serve";
  const flags = named ? args.slice(1) : args;
  // The drivers are imported when the arguments are known to be good: they open the C library, and
  // without permission for that there would be nothing better to show than a stack trace.
  switch (command) {
    case "serve": {
      const options = parseServe(flags);
      const { serve } = await import("./app/serve.ts");
      await serve(options, attend);
      return 0;
    }
    case "ping": {
      const options = parsePing(flags);
      attend();
      const { ping } = await import("./app/ping.ts");
      return await ping(options) ? 0 : 1;
    }
    case "info": {
      const options = parseInfo(flags);
      attend();
      const { info } = await import("./app/info.ts");
      await info(options);
      return 0;
    }
    default:
      throw new UsageError(`unknown command "${command}": serve, ping and info are possible`);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
