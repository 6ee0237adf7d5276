/**
 * The set-up step of `deno task start` and, with `--tests`, of `deno task test`: it looks for the
 * programs ukdeno needs and installs what is missing, or says how to. When all is there it says
 * nothing.
 *
 * @module
 */

import { runAptGet } from "./app/setup/apt.ts";
import { setUp } from "./app/setup/set_up.ts";
import { searchFolders } from "./app/setup/tools.ts";

if (import.meta.main) {
  const folders = searchFolders(Deno.env.get("PATH") ?? "");
  Deno.exitCode = await setUp(Deno.args, {
    folders,
    isRoot: Deno.uid() === 0,
    aptGet: (args) => runAptGet(args, folders),
    say: (text) => console.error(text),
  });
}
