import type { CpioEntry } from "./cpio.ts";

/** Where a file of the guest comes from. */
export interface GuestFile {
  /** Absolute, in the guest. */
  readonly path: string;
  /** Path of the file on this machine. */
  readonly source: string;
  readonly executable: boolean;
}

/** Folders that the guest mounts its file systems on, and one to write to. */
const EMPTY_FOLDERS = ["dev", "proc", "sys", "tmp"];

/** The entries of the guest's archive, read from this machine: sorted, with all folders they're in. */
export async function guestEntries(files: readonly GuestFile[]): Promise<CpioEntry[]> {
  const entries = new Map<string, CpioEntry>();
  for (const path of EMPTY_FOLDERS) entries.set(path, { path, data: null });
  for (const { path, source, executable } of files) {
    const name = path.slice(1);
    for (const folder of foldersOf(name)) entries.set(folder, { path: folder, data: null });
    entries.set(name, { path: name, data: await Deno.readFile(source), executable });
  }
  // A folder's path is the beginning of those in it, so it comes before them.
  return [...entries.values()].toSorted((a, b) => a.path < b.path ? -1 : 1);
}

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}
