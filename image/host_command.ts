import { ImageError } from "./image_error.ts";

/**
 * Runs a program of this machine to its end, which is no later than ours, and returns what it printed.
 * `ImageError` with its complaint when it fails; `remedy` is what to do then.
 */
export async function runHostCommand(
  command: readonly string[],
  options: { readonly cwd?: string; readonly remedy: string },
): Promise<string> {
  const { code, stdout, stderr } = await start(command, options.cwd);
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout);
  const complaint = decoder.decode(stderr).trim().split("\n").at(-1) ?? "";
  throw new ImageError(
    `${command[0]} failed (${complaint || `status ${code}`}): ${options.remedy}`,
  );
}

async function start(command: readonly string[], cwd?: string): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", ...command],
      stdin: "null",
      ...(cwd === undefined ? {} : { cwd }),
      // Deno starts nothing under a scoped --allow-run while one of these has a value.
      env: { LD_LIBRARY_PATH: "", LD_PRELOAD: "", NO_COLOR: "1" },
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new ImageError("setpriv is not installed: run `deno task setup`", { cause });
  }
}
