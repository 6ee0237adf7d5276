import { assertEquals, assertRejects } from "@std/assert";
import { CODE_CACHE, writeCodeCache } from "../../image/code_cache.ts";
import { ImageError } from "../../image/image_error.ts";
import { V8_FLAGS } from "../../image/kernel_command_line.ts";
import { runTool } from "./run_tool.ts";

const RUNNER = new URL("../../image/compile_script.js", import.meta.url).pathname;
const URL_OF_IT = "file:///app/some.js";

Deno.test("a Deno with the same flags takes all code of a script from the cache", async () => {
  using folder = new ScriptFolder("function sum(a, b) { return a + b; }");
  await writeCodeCache(folder.script, URL_OF_IT, folder);
  const told = await runWith(folder, V8_FLAGS);
  assertEquals(told.includes(`V8 code cache hit for script: ${URL_OF_IT}`), true);
  assertEquals(told.includes("Updating V8 code cache for script"), false);
});

Deno.test("with other flags V8 refuses it, and Deno makes it anew", async () => {
  using folder = new ScriptFolder("function sum(a, b) { return a + b; }");
  await writeCodeCache(folder.script, URL_OF_IT, folder);
  const told = await runWith(folder, "--v8-flags=--no-opt");
  assertEquals(told.includes("Updating V8 code cache for script"), true);
});

Deno.test("a script that doesn't come to its end has no cache", async () => {
  using folder = new ScriptFolder("throw new Error('not here')");
  await assertRejects(() => writeCodeCache(folder.script, URL_OF_IT, folder), ImageError);
});

/** What Deno tells of its caches while it runs the script. */
async function runWith({ folder, output, script }: ScriptFolder, v8Flags: string): Promise<string> {
  const denoDir = `${folder}/guest`;
  await Deno.mkdir(denoDir);
  await Deno.rename(output, `${denoDir}/${CODE_CACHE}`);
  const command = [Deno.execPath(), "run", "-A", "--no-check", "-L", "debug", v8Flags, RUNNER];
  const told = 'exec 2>&1; DENO_DIR=$0 "$@"';
  return await runTool("sh", "-c", told, denoDir, ...command, script, URL_OF_IT);
}

/** A script in a folder of its own, and where its cache goes. */
class ScriptFolder implements Disposable {
  readonly folder: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-code-" });
  readonly script: string = `${this.folder}/script.js`;
  readonly output: string = `${this.folder}/code`;

  constructor(text: string) {
    Deno.writeTextFileSync(this.script, text);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}
