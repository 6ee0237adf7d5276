import { DatabaseSync } from "node:sqlite";
import { runHostCommand } from "./host_command.ts";
import { ImageError } from "./image_error.ts";
import { V8_FLAGS } from "./kernel_command_line.ts";

const COMPILER = new URL("./compile_script.js", import.meta.url).pathname;
/** Deno's name of its cache of code, in DENO_DIR: a database of SQLite's. */
export const CODE_CACHE = "v8_code_cache_v2";

/**
 * Makes, as `output`, a cache of code for Deno that has all of a script compiled, for a Deno that runs it
 * with the same flags under the name `url`. The script is run, and should do nothing then. To compile a
 * function when it's called first takes V8 some milliseconds in a machine that QEMU emulates. The same
 * script gives the same bytes. `folder` is for what is needed meanwhile. `ImageError` when it fails.
 */
export async function writeCodeCache(
  script: string,
  url: string,
  { folder, output }: { readonly folder: string; readonly output: string },
): Promise<void> {
  const denoDir = `${folder}/deno-dir`;
  await removeIfThere(denoDir);
  await removeIfThere(output);
  const deno = [Deno.execPath(), "run", "--quiet", "--no-config", "-A", V8_FLAGS, "--no-check"];
  await runHostCommand(["env", `DENO_DIR=${denoDir}`, ...deno, COMPILER, script, url], {
    remedy: "the program of the image has to run to its end in any process but the first",
  });
  copyCode(`${denoDir}/${CODE_CACHE}`, url, output);
  await removeIfThere(denoDir);
}

/**
 * Copies the code of one script, and how Deno has its tables. Its own file has more: the code of what
 * ran the script, and random numbers of a journal.
 */
function copyCode(cache: string, url: string, output: string): void {
  using from = new DatabaseSync(cache);
  using to = new DatabaseSync(output);
  for (const { sql } of from.prepare("SELECT sql FROM sqlite_schema WHERE sql NOT NULL").all()) {
    to.exec(String(sql));
  }
  const version = from.prepare("SELECT value FROM info WHERE key = 'CLI_VERSION'").get();
  to.prepare("INSERT INTO info VALUES ('CLI_VERSION', ?)").run(String(version?.value));
  const query = from.prepare("SELECT type, source_hash, data FROM codecache WHERE specifier = ?");
  // The hash has 64 bits.
  query.setReadBigInts(true);
  const code = query.get(url);
  if (code === undefined) throw new ImageError(`Deno has kept no code of ${url}`);
  to.prepare("INSERT INTO codecache VALUES (?, ?, ?, ?)")
    .run(url, code.type, code.source_hash, code.data);
}

async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
