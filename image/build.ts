/**
 * `deno task image`: builds the image of the unikernel.
 *
 * @module
 */

import { type Flag, parseFlags } from "../app/flags.ts";
import { UsageError } from "../app/usage_error.ts";
import { buildImage } from "./build_image.ts";

const FLAGS: readonly Flag[] = [
  { name: "out", value: "FOLDER", help: "where to put it (default image/out)" },
];

async function build(args: readonly string[]): Promise<void> {
  const { values, positional } = parseFlags(args, FLAGS);
  if (positional.length > 0) throw new UsageError(`deno task image takes no "${positional[0]}"`);
  const folder = values.get("out") ?? "image/out";
  const { kernel, initrd, kernelPackage, isNew } = await buildImage(folder);
  const state = isNew ? "built" : "nothing has changed";
  for (const path of [kernel, initrd]) {
    const { size } = await Deno.stat(path);
    console.log(`${path}: ${(size / 1e6).toFixed(1)} MB`);
  }
  console.log(`${state}, from ${kernelPackage} and Deno ${Deno.version.deno}`);
}

if (import.meta.main) {
  try {
    await build(Deno.args);
  } catch (error) {
    console.error(`image: ${error instanceof Error ? error.message : String(error)}`);
    Deno.exitCode = 1;
  }
}
