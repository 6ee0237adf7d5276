/**
 * A generator of echo requests: a vhost-user back-end that any front-end can be pointed at. It says on
 * standard output, as one line of JSON, what came of it; status 1 when anything was wrong or lost.
 *
 * @module
 */

import { UsageError } from "../../app/usage_error.ts";
import { ErrnoError } from "../../drivers/ffi/errno.ts";
import { AddressError } from "../../stack/address_error.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";
import { GENERATOR_HELP, parseGeneratorOptions } from "./generator_options.ts";
import { generate } from "./generator_run.ts";

function main(args: readonly string[]): number {
  if (args.includes("--help")) {
    console.log(GENERATOR_HELP);
    return 0;
  }
  try {
    const result = generate(parseGeneratorOptions(args));
    console.log(JSON.stringify(result));
    return result.wrong === 0 && result.lost === 0 ? 0 : 1;
  } catch (error) {
    const isUsage = error instanceof UsageError || error instanceof AddressError;
    const isKnown = isUsage || error instanceof BackEndError || error instanceof ErrnoError;
    if (!isKnown) throw error;
    console.error(`generator: ${error.message}`);
    return isUsage ? 2 : 1;
  }
}

Deno.exit(main(Deno.args));
