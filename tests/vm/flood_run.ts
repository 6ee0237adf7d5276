/**
 * `deno task vm:flood --seconds=N`: the flood of the tests for as long as one likes.
 *
 * @module
 */

import { parseFlags, parseNumber } from "../../app/flags.ts";
import { floodText, floodVm } from "./flood.ts";

if (import.meta.main) {
  try {
    const flag = { name: "seconds", value: "N", help: "how long" };
    const { values } = parseFlags(Deno.args, [flag]);
    const seconds = values.get("seconds") ?? "600";
    console.log(floodText(await floodVm(parseNumber("--seconds", seconds, { min: 15, max: 1e6 }))));
  } catch (error) {
    console.error(`vm:flood: ${error instanceof Error ? error.message : String(error)}`);
    Deno.exitCode = 1;
  }
}
