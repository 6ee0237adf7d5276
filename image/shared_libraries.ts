import { runHostCommand } from "./host_command.ts";
import { ImageError } from "./image_error.ts";

/** The files that the dynamic loader opens for a program, itself included, by their absolute paths. */
export async function sharedLibraries(program: string): Promise<string[]> {
  const text = await runHostCommand(["ldd", program], {
    remedy: "the image needs a Deno that is linked to this machine's C library",
  });
  return parseLdd(text);
}

/**
 * Reads what ldd(1) prints: `NAME => PATH (ADDRESS)`, the loader by its path alone, and the vDSO, which
 * is no file. Sorted. `ImageError` when one was not found.
 */
export function parseLdd(text: string): string[] {
  const paths: string[] = [];
  for (const line of text.split("\n")) {
    const missing = /^\s*(\S+) => not found/.exec(line);
    if (missing !== null) throw new ImageError(`Deno needs ${missing[1]}, which is not installed`);
    const found = /^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line);
    if (found !== null) paths.push(found[1]);
  }
  if (paths.length === 0) throw new ImageError("ldd names no library of Deno's");
  return paths.toSorted();
}
